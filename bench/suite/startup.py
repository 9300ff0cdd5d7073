"""From `casebridge run` to both connectors at work, with the servers up: what a restart costs everybody who waits."""

import sites
from product import Product
from report import Section
from stats import median, quartiles

TARGET = 1.0


def run(world):
    folder = world.new_folder("startup")
    site = sites.Site(world, folder)
    product = Product(world, site, folder)
    seconds = []
    try:
        product.prepare()
        for _ in range(3 if world.quick else 9):
            world.watch.look()
            seconds.append(product.start())
            product.stop()
    finally:
        product.end()
        site.close()
    low, high = quartiles(seconds)
    section = Section("startup", "Start")
    section.add("`casebridge run` until both connectors are at work", f"{median(seconds) * 1000:.0f} ms ({low * 1000:.0f} to {high * 1000:.0f})",
                f"slowest {max(seconds) * 1000:.0f} ms", "", f"at most {TARGET * 1000:.0f} ms", median(seconds) <= TARGET)
    section.notes = [f"{len(seconds)} starts of bridge and two connectors, the first on an empty ledger, each after a clean stop; "
                     "until the handshake of the later connector is over"]
    return section
