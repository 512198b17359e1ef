"""What the ledger's page costs: `python -m bench.register [--sizes 1000 100000] [--rounds 30]`.

Ledgers of several sizes are looked at in turns, in one process and one run: the first page, each order, filters of each
kind, and each state, as the ratio of its time to that of the smallest ledger. Then the files of all rows against a bare
loop of the writer over as many fields.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from bench.board import Board, ledger, p50, times
from complaints import ledger as question
from webapp.prepare import upgrade

PAGES = {
    "first page": "/ledger",
    **{f"by {order}": f"/ledger?sort=-{order}" for order in question.ORDERS},
    "open": "/ledger?state=open",
    "overdue": "/ledger?state=overdue",
    "closed": "/ledger?state=closed",
    "a class": "/ledger?complaint_class=major",
    "a product": "/ledger?product=HX",
    "a month": "/ledger?received_at=2026-10",
    "a customer": "/ledger?customer=Quell",
    "words that nothing says": "/ledger?subject=nothing+says+this",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        boards: dict[int, Board] = {}
        for size in chosen.sizes:
            url = f"sqlite:///{Path(folder) / f'{size}.db'}"
            upgrade(url)
            ledger(url, size)
            boards[size] = Board.on(url)
        _pages(boards, chosen.rounds)
        _files(boards[max(boards)], max(boards))


def _pages(boards: dict[int, Board], rounds: int) -> None:
    least = min(boards)
    for name, path in PAGES.items():
        asks: dict[str, Callable[[], object]] = {
            str(size): (lambda board=board, path=path: board.get(path)) for size, board in boards.items()
        }
        taken = {key: p50(values) for key, values in times(asks, rounds).items()}
        told = ", ".join(
            f"{size:,}: {taken[str(size)]:.1f} ms ({taken[str(size)] / taken[str(least)]:.2f})" for size in boards
        )
        print(f"{name:26} {told}")


def _files(board: Board, size: int) -> None:
    from xlsxwriter import Workbook

    begun = time.perf_counter()
    board.get("/ledger.csv")
    csv = time.perf_counter() - begun
    begun = time.perf_counter()
    board.get("/ledger.xlsx")
    ours = time.perf_counter() - begun
    begun = time.perf_counter()
    with Workbook(BytesIO(), {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for line in range(size):
            for column in range(14):
                sheet.write_string(line, column, "Oil weeping at face seal")
    bare = time.perf_counter() - begun
    print(f"{size:,} rows: csv {csv:.1f} s, xlsx {ours:.1f} s, bare writer {bare:.1f} s ({ours / bare:.2f})")


if __name__ == "__main__":
    main()
