"""`python -m ftb`, which is what `torchrun -m ftb` needs."""

from ftb.cli import main

if __name__ == "__main__":
    main()
