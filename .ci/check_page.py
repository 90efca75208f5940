"""The page of `tenure report` in a real browser, with the network cut: numbers, switches, keyboard, tooltips, accessibility.

TENURE names the program, CHROMIUM the browser (default: chromium), PAGE_SHOTS a folder for screenshots (default: none).
"""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import sync_playwright

TENURE = os.environ["TENURE"]
SAMPLE = Path(__file__).resolve().parent.parent / "data" / "sample"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
SHOTS = os.environ.get("PAGE_SHOTS")
MOST_BYTES = 1_000_000


def tenure(*args, folder):
    done = subprocess.run([TENURE, *args], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout


def histories(folder):
    """A history with every table, and a generated business."""
    into = ["--into", "shop"]
    names = ["orders.csv", "customers.csv", "subscriptions.csv", "survey.csv", "cancelled.csv"]
    for name in names:
        shutil.copy(SAMPLE / name, folder)
    tenure("ingest", "orders.csv", *into, "--all-attributes", "--value", "amount", folder=folder)
    tenure("ingest", "customers.csv", *into, "--table", "customers", "--all-attributes", folder=folder)
    tenure("ingest", "subscriptions.csv", *into, "--table", "subscriptions", folder=folder)
    tenure("ingest", "survey.csv", *into, "--table", "surveys", "--score", "rating", "--kind", "csat", "--scale", "1-5", folder=folder)
    tenure("ingest", "cancelled.csv", *into, "--table", "cancellations", folder=folder)
    tenure("generate", "--customers", "3000", "--events", "80000", "--seed", "5", "--months", "18", "-o", "business", folder=folder)


def report(history, folder, *args):
    out = folder / f"{history}.html"
    tenure("report", history, "-o", out.name, "--active-within", "90d", *args, folder=folder)
    again = folder / "again.html"
    tenure("--threads", "1", "report", history, "-o", again.name, "--active-within", "90d", *args, folder=folder)
    assert out.read_bytes() == again.read_bytes(), f"{history}: the same content and question gave other bytes"
    assert out.stat().st_size < MOST_BYTES, f"{history}: {out.stat().st_size} bytes"
    return out


@contextlib.contextmanager
def opened(browser, path, **context):
    """The page without a network; any request but for the page itself, and anything on the console, is an error."""
    wrong = []
    seen = browser.new_context(offline=True, **context)
    page = seen.new_page()
    page.on("request", lambda request: None if request.url.split("#")[0] == path.as_uri() else wrong.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(path.as_uri())
    yield page
    assert not wrong, f"{path.name}: {wrong}"
    seen.close()


def cells(page, heat="retention"):
    """The texts of the heat map: label, size, cells up to the last that is not empty."""
    script = "map => [...map.querySelectorAll('.map tbody tr:not(.pooled)')].map(tr => [...tr.children].map(td => td.textContent))"
    return page.eval_on_selector(f"[data-heat={heat}]", script)


def told(history, folder, *args):
    return json.loads(tenure("retention", history, "--format", "json", *args, folder=folder))


def percent(cell, size):
    if cell["state"] == "unobserved":
        return ""
    rate = cell["rate"]
    if rate is None:
        rate = cell["provisional_rate"]
    if rate is None:
        rate = cell["retained"] / size
    return f"{rate * 100:.1f}"


def same(shown, cohorts, text):
    """The map's rows are those of the program."""
    assert len(shown) >= len(cohorts) > 0
    by_start = {row[0]: row for row in shown}
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    compared = 0
    for cohort in cohorts:
        year, month, _ = cohort["cohort"].split("-")
        row = by_start.pop(f"{months[int(month) - 1]} {year}")
        assert row[1] == f"{cohort['size']:,}", (row, cohort["size"])
        wanted = [text(cell, cohort["size"]) for cell in cohort["cells"]]
        assert row[2:] == wanted, (cohort["cohort"], row[2:], wanted)
        compared += len(wanted)
    assert all(not any(row[2:]) for row in by_start.values()), f"cohorts that the program does not have: {by_start}"
    return compared


def money(text):
    return f"{Decimal(text).quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}".replace("-", "−")


def check_numbers(page, history, folder, by):
    """Switches change the numbers to those of the program."""
    compared = same(cells(page), told(history, folder)["cohorts"], percent)
    segments = page.locator("[data-heat=retention] select option").all_text_contents()
    assert len(segments) > 2, segments
    parted = told(history, folder, "--by", by, "--top", "20")["cohorts"]
    values = told(history, folder, "--by", by, "--top", "20", "--measure", "value")["cohorts"]
    curve = page.locator("svg.wide[data-follows=retention] .front .line").first
    before = curve.get_attribute("d")
    for place in (1, 2):
        page.select_option("[data-heat=retention] select", str(place))
        name = None if segments[place] == "(none)" else segments[place]
        mine = [cohort for cohort in parted if cohort["segment"][by] == name]
        compared += same(cells(page), mine, percent)
        page.click("[data-heat=retention] fieldset label:nth-of-type(2)")
        compared += same(cells(page), mine, lambda cell, _: "" if cell["retained"] is None else f"{cell['retained']:,}")
        each = page.locator("[data-heat=retention] fieldset label", has_text="so far per customer")
        if each.count():
            each.first.click()
            worth = [cohort for cohort in values if cohort["segment"][by] == name]
            so_far = lambda cell, _: "" if cell["value_cumulative_per_member"] is None else money(cell["value_cumulative_per_member"])
            compared += same(cells(page), worth, so_far)
        page.click("[data-heat=retention] fieldset label:nth-of-type(1)")
    assert curve.get_attribute("d") != before, "the curve follows the segment"
    # The summary beside the cells: of heads, and of revenue where there is some.
    for place, parts in ((0, ()), (1, ("--by", by, "--top", "20"))):
        page.select_option("[data-heat=retention] select", str(place))
        points = told(history, folder, "--measure", "value", *parts)["summary"]
        name = None if segments[place] == "(none)" else segments[place]
        points = {point["age"]: point for point in points if point["segment"] == ({by: name} if place else {})}
        row = page.locator("[data-heat=retention] .map .pooled td")
        shown = lambda: row.all_text_contents()[1:]
        assert shown() == [f"{points[age]['rate'] * 100:.1f}" if age in points else "" for age in range(len(shown()))], shown()
        kept = page.locator("[data-heat=retention] fieldset label", has_text="kept, %")
        if kept.count():
            kept.first.click()
            code = kept.first.text_content().partition("%, ")[2] or None
            share = lambda age: next((r["revenue_retention"] for r in points[age]["revenue"] if r["currency"] == code), None) if age in points else None
            wanted = ["" if share(age) is None else f"{share(age) * 100:.1f}" for age in range(len(shown()))]
            assert shown() == wanted and any(wanted), (shown(), wanted)
            compared += len(wanted)
            page.click("[data-heat=retention] fieldset label:nth-of-type(1)")
    page.select_option("[data-heat=retention] select", "0")
    assert curve.get_attribute("d") == before, "the script draws what the file shows"
    compared += same(cells(page), told(history, folder)["cohorts"], percent)
    return compared


def check_bars(page, history, folder, by):
    """Bars of a segment say the program's counts, and the script draws the whole as the file does."""
    figure = page.locator("[data-bars-of=lifecycle-bars]")
    marks = figure.locator("svg.wide .marks rect")
    script = "all => all.map(one => ['x', 'y', 'width', 'height'].map(name => Math.round(one.getAttribute(name))))"
    before, ticks = marks.evaluate_all(script), figure.locator("svg.wide .tick.end").all_text_contents()
    rows = json.loads(tenure("lifecycle", history, "--by", by, "--format", "json", folder=folder))["rows"]
    option = figure.locator("option").nth(1).text_content()
    figure.locator("select").select_option("1")
    mine = [row for row in rows if row["segment"].get(by) == option]
    said = [place.get_attribute("aria-label") for place in figure.locator("svg.wide .place").all()]
    assert len(mine) == len(said) > 0
    for row, text in zip(mine, said):
        parts = ", ".join(f"{name} {row[name]:,}" for name in ("returning", "new", "resurrected", "dormant"))
        assert f": {parts}; {option}" in text, (row, text)
    figure.locator("select").select_option("0")
    assert all(abs(a - b) <= 1 for one, two in zip(before, marks.evaluate_all(script), strict=True) for a, b in zip(one, two))
    assert figure.locator("svg.wide .tick.end").all_text_contents() == ticks


def check_hands(page):
    """Tooltips on hover and focus; arrows move within the map and within a chart; one stop of the tab key for each."""
    tip = page.locator("#tip")
    first = page.locator("[data-heat=retention] td[data-cell]").first
    second = page.locator("[data-heat=retention] tbody tr:not(.pooled)").first.locator("td[data-cell]").nth(1)
    assert not tip.is_visible()
    second.hover()
    assert tip.is_visible()
    text = tip.text_content()
    assert "n = " in text and "exposed" in text and "interval" in text, text
    page.mouse.move(1, 1)
    assert not tip.is_visible()
    first.focus()
    assert tip.is_visible()
    page.keyboard.press("ArrowRight")
    assert second.evaluate("cell => cell === document.activeElement && cell.tabIndex === 0")
    assert tip.text_content() == second.get_attribute("aria-label")
    page.keyboard.press("ArrowDown")
    where = "cell => [cell.cellIndex, cell.parentNode.rowIndex]"
    moved = page.evaluate("[document.activeElement.cellIndex, document.activeElement.parentNode.rowIndex]")
    start = second.evaluate(where)
    assert moved == [start[0], start[1] + 1], (start, moved)
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.cellIndex") == 2
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    assert page.locator("[data-heat=retention] td[tabindex='0']").count() == 1
    progress = page.locator("[data-heat=retention] td.p").first
    progress.hover()
    assert "in progress" in tip.text_content() and "exposed" in tip.text_content()
    chart = page.locator("svg.wide[data-follows=retention]")
    assert chart.locator(".place[tabindex='0']").count() == 1
    chart.locator(".place").first.focus()
    page.keyboard.press("ArrowRight")
    assert chart.locator(".place").nth(1).evaluate("place => place === document.activeElement")
    tip.wait_for(state="visible", timeout=2000)
    assert tip.text_content() == chart.locator(".place").nth(1).get_attribute("aria-label")
    assert "retained" in tip.text_content(), tip.text_content()
    # The tab key goes from the top to the segment's switch, the measures, the map.
    page.locator(".skip").focus()
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.tagName"))
        if stops[-1] == "TD":
            break
    assert "A" in stops and "SELECT" in stops and "INPUT" in stops and stops[-1] == "TD", stops


def check_access(page, name):
    """axe finds nothing serious or critical, with all tables unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    bad = [
        (one["id"], one["impact"], one["help"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert not bad, f"{name}: {bad}"
    return [(one["id"], one["impact"]) for one in found]


def main():
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folder = Path(folder)
        histories(folder)
        pages = {"shop": (report("shop", folder, "--by", "country"), "country"), "business": (report("business", folder, "--by", "plan"), "plan")}
        program = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name, (path, by) in pages.items():
            with opened(browser, path, viewport={"width": 1440, "height": 900}) as page:
                compared = check_numbers(page, name, folder, by)
                check_bars(page, name, folder, by)
                check_hands(page)
            minor = []
            for scheme in ("light", "dark"):
                for width in (1440, 390):
                    with opened(browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
                        wide = page.evaluate("document.documentElement.scrollWidth")
                        assert wide <= width, f"{name}: {wide} wide on a screen of {width}"
                        if SHOTS:
                            page.screenshot(path=f"{SHOTS}/{name}-{scheme}-{width}.png", full_page=True)
                            if (scheme, width) == ("light", 1440):
                                page.pdf(path=f"{SHOTS}/{name}.pdf", prefer_css_page_size=True)
                        minor += check_access(page, f"{name} {scheme} {width}")
            with opened(browser, path, viewport={"width": 1440, "height": 900}, java_script_enabled=False) as page:
                assert page.locator(".map td").count() > 0 and not page.locator(".switches").first.is_visible()
            print(f"{name}: {path.stat().st_size:,} bytes; {compared:,} cells as the program has them; minor findings {sorted(set(minor))}")
        browser.close()


main()
