"""The rules of the house, read from the source: layers, sizes, randomness, errors, public names."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ftb"

# From top to bottom; a module imports from lower rows only, and from its own name. Names in one row are
# siblings and do not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("cli_splits", "cli_bench"),
    ("cli_options",),
    (
        *("train", "preview", "export_split", "evaluate", "bench"),
        *("estimate", "export_light", "render_sphere", "demo", "info"),
    ),
    ("evaluation",),
    ("estimation",),
    ("training",),
    ("checkpoint",),
    ("config",),
    ("data", "interop"),
    ("nets", "losses", "metrics"),
    ("render",),
    ("scene", "sheet"),
    ("types", "strict_toml", "assets_path", "errors", "quiet"),
    ("maths", "kernels"),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MOST_LINES, MOST_FUNCTION_LINES, MOST_ARGUMENTS = 300, 40, 6

SOURCES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = sorted([*(ROOT / "experiments").rglob("*.py"), *(ROOT / "assets").rglob("*.py")])
IDS = [str(path.relative_to(ROOT)) for path in SOURCES + SCRIPTS]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _layer_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "ftb" and len(parts) > 1 else None


def _imported_layers(tree: ast.Module) -> set[str]:
    found: set[str | None] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {_layer_of(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "ftb":
            found |= {_layer_of(f"ftb.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            found.add(_layer_of(node.module or ""))
    return {name for name in found if name in LEVEL}


def test_every_module_has_a_layer() -> None:
    modules = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in SOURCES} - {"__init__"}
    assert modules <= set(LEVEL)


@pytest.mark.parametrize("path", SOURCES, ids=IDS[: len(SOURCES)])
def test_imports_go_downward(path: Path) -> None:
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if name == "__init__":
        return  # the package's own page imports its public names on first use
    above = {
        other for other in _imported_layers(_tree(path)) if other != name and LEVEL[other] <= LEVEL[name]
    }
    assert not above, f"{name} imports {sorted(above)}, which stand beside or above it"


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=IDS)
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        commands = any("command" in ast.unparse(decorator) for decorator in node.decorator_list)
        assert (node.end_lineno or 0) - (node.lineno if commands else first) < MOST_FUNCTION_LINES, node.name
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        counted = [argument for argument in arguments if argument.arg not in ("self", "cls")]
        # the arguments of a command are the options of the command line; Warp compiles kernels from theirs
        if not commands and "wp." not in " ".join(map(ast.unparse, node.decorator_list)):
            assert len(counted) <= MOST_ARGUMENTS, node.name


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=IDS)
def test_errors_are_raised(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            assert "NotImplementedError" not in ast.unparse(node.exc)
    for function in ast.walk(_tree(path)):
        if isinstance(function, ast.FunctionDef) and "Error" not in ast.unparse(
            function.returns or ast.Constant("")
        ):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Call):
                    assert not ast.unparse(node.value.func).endswith("Error"), (
                        f"{function.name}: raise, not return"
                    )


DRAWS = re.compile(
    r"^torch\.(rand|randn|randint|randperm|normal|bernoulli|multinomial|poisson|rand_like|randn_like|randint_like)$"
)
IN_PLACE_DRAWS = {
    "uniform_",
    "normal_",
    "bernoulli_",
    "exponential_",
    "random_",
    "log_normal_",
    "cauchy_",
    "geometric_",
}


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=IDS)
def test_every_draw_has_its_generator(path: Path) -> None:
    for node in ast.walk(_tree(path)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        last = name.rsplit(".", 1)[-1]
        if DRAWS.match(name) or last in IN_PLACE_DRAWS:
            assert any(keyword.arg == "generator" for keyword in node.keywords), f"line {node.lineno}: {name}"
        assert name not in ("torch.manual_seed", "np.random.seed", "random.seed"), (
            f"line {node.lineno}: {name}"
        )
        # what follows a call, as in default_rng(7).normal(), draws from a seeded source
        seeded = last == "default_rng" and bool(node.args)
        if not any(isinstance(part, ast.Call) for part in ast.walk(node.func)):
            assert seeded or not name.startswith(("np.random.", "random.")), f"line {node.lineno}: {name}"


@pytest.mark.parametrize("path", SOURCES, ids=IDS[: len(SOURCES)])
def test_no_loose_ends(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for word in ("TO" + "DO", "FIX" + "ME", "X" + "XX", "import *"):
        assert word not in text, word
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) != "hasattr" or path.name in ("stream.py", "workers.py"), (
                f"line {node.lineno}: hasattr"
            )


def test_public_names_resolve() -> None:
    for path in SOURCES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if "__all__" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(".".join(part for part in parts if part != "__init__"))
        for name in module.__all__:
            assert getattr(module, name) is not None, f"{module.__name__}.{name}"


def test_public_functions_have_types_and_docstrings() -> None:
    for path in SOURCES:
        for node in _tree(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                kernel = any(
                    "kernel" in ast.unparse(d) or "wp." in ast.unparse(d) for d in node.decorator_list
                )
                assert ast.get_docstring(node) or kernel, f"{path.name}: {node.name} has no docstring"
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                missing = [a.arg for a in [*node.args.args, *node.args.kwonlyargs] if a.annotation is None]
                assert not missing, f"{path.name}: {node.name} lacks the types of {missing}"


LOCAL = re.compile(r"(?<![\w.])/(work|tmp|home|root|opt|Users)/|find-links|extra-index-url")


def test_nothing_names_local_paths() -> None:
    kept = [
        path
        for pattern in ("*.md", "*.cfg", "*.toml", "*.txt", "*.cff", ".ci/*")
        for path in ROOT.glob(pattern)
    ]
    others = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__).resolve()]
    for path in [*kept, *SOURCES, *SCRIPTS, *others]:
        match = LOCAL.search(path.read_text(encoding="utf-8"))
        assert match is None, f"{path.relative_to(ROOT)}: {match and match.group()}"


def test_setup_lists_every_package() -> None:
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    packages = {".".join(path.relative_to(ROOT).parent.parts) for path in PACKAGE.rglob("__init__.py")}
    listed = set(re.findall(r"^    (ftb[\w.]*)$", text, flags=re.MULTILINE))
    assert listed == packages | {"ftb.assets"}
    folders = {path.parent for path in SOURCES}
    assert {folder / "__init__.py" for folder in folders} <= set(SOURCES), "a folder without __init__.py"


def test_tools_have_one_version() -> None:
    pins = {
        re.search(r"ruff==([\d.]+)", (ROOT / "setup.cfg").read_text(encoding="utf-8")),
        re.search(r"ruff==([\d.]+)", (ROOT / "constraints.txt").read_text(encoding="utf-8")),
        re.search(r"rev: v([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")),
    }
    assert len({pin.group(1) for pin in pins if pin}) == 1
    assert None not in pins
