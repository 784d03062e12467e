"""The table of docs/scaling.md: what 10 and 1,000 million photos take, from measured constants.

Usage: python tools/scaling.py. The constants are rows of docs/benchmarks.md (`make bench`, rows
cluster, forward and reading) and prices that one may pay; put in your own.
"""

PHOTOS_A_SECOND = {"web photos, 0.2 MB": 52.0, "phone photos, 12 megapixels, 4 MB": 24.0}  # a core
MEGABYTES = {"web photos, 0.2 MB": 0.2, "phone photos, 12 megapixels, 4 MB": 4.0}
OVERHEAD = 1.16  # of worker processes, the worst row
DRIVER = 9_400.0  # photos a second that one driver and its scheduler hand on
CORE_HOUR = 0.04  # dollars, a shared core with 2 GB
REQUESTS = 0.40  # dollars a million reads from an object store
BYTES = {"names out, answers back": 2_000, "names out, features back": 10_700}
CORES = {10**7: 64, 10**9: 1024}
HOUR = 3600


def main() -> None:
    """One line a kind of photo and number."""
    print("| photos | cores | hours | dollars: cores | dollars: reads | from the store | drivers |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind, rate in PHOTOS_A_SECOND.items():
        for n, cores in CORES.items():
            core_hours = n * OVERHEAD / rate / HOUR
            hours = core_hours / cores
            flow = n * MEGABYTES[kind] / (hours * HOUR)  # MB a second
            drivers = max(1, -(-cores * rate / OVERHEAD // DRIVER))
            print(
                f"| {n / 1e6:,.0f} million {kind} | {cores:,} | {hours:,.1f} | "
                f"{core_hours * CORE_HOUR:,.0f} | {n / 1e6 * REQUESTS:,.0f} | "
                f"{flow / 1e3:,.1f} GB/s | {drivers:.0f} |"
            )


if __name__ == "__main__":
    main()
