"""The report's page in a real browser: what a reader does with it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from inpaintkit import write
from inpaintkit.benchmarks.entrants import Entrant
from inpaintkit.benchmarks.report import write_report
from inpaintkit.benchmarks.run import Extras, Run, Task, attempt

# Error of each entrant's fill in grey levels, for pictures one and two; nobody fills two for the last.
ERRORS = {"near": (2, 30), "far": (40, 31), "none": (10, None)}


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    """Debian's chromium; without it the test is skipped, or fails where a browser is required."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        say = pytest.fail if os.environ.get("INPAINTKIT_REQUIRE_BROWSER") == "1" else pytest.skip
        say("chromium and chromedriver are not there: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    yield browser
    browser.quit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A run of three folders of results on two pictures, reported."""
    root = tmp_path_factory.mktemp("page")
    truth = np.full((48, 64, 3), 100, np.uint8)
    for index, picture in enumerate(("one", "two")):
        (root / "album").mkdir(exist_ok=True)
        write(root / "album" / f"{picture}.png", truth)
        for name, errors in ERRORS.items():
            (root / name).mkdir(exist_ok=True)
            if errors[index] is not None:
                write(root / name / f"{picture}.png", truth + np.uint8(errors[index]))
    everyone = [Entrant(name, "results", root / name) for name in ERRORS]
    run = Run(root / "run")
    for entry in run.prepare(root / "album", ["center:side=0.5"], 0, ERRORS):
        for each in everyone:
            run.file(each.name, "").parent.mkdir(exist_ok=True)
            attempt(Task(root / "run", each, entry, True), seed=0, count=1, extras=Extras())
    write_report(root / "run", max_pictures=1)
    return root / "run"


@pytest.fixture
def page(driver, folder) -> webdriver.Chrome:
    """The page, freshly opened."""
    driver.get((folder / "report.html").as_uri())
    return driver


def column(page, index: int) -> list[str]:
    """A column of the table of cases, without its head."""
    rows = page.find_elements(By.CSS_SELECTOR, "#cases tr")[1:]
    return [row.find_elements(By.TAG_NAME, "td")[index].text for row in rows]


def head(page, by: str):
    return page.find_element(By.CSS_SELECTOR, f"#cases th[data-by='{by}']")


def wide(picture) -> float:
    """Width on the screen, with what transforms do to it."""
    return picture.parent.execute_script("return arguments[0].getBoundingClientRect().width", picture)


def test_the_page_needs_nothing_else_and_has_no_fault(page, folder):
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert (
        page.execute_script(
            "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"
        )
        == 0
    )
    assert re.findall(r"(?:src|href)=(?![\"']?(?:data:|#))\S+", (folder / "report.html").read_text()) == []
    assert len(page.find_elements(By.CSS_SELECTOR, ".plots svg")) == 1  # nothing to draw of time: results have none


def test_cases_come_sorted_by_where_methods_differ_most(page):
    assert column(page, 0) == ["one--center-0.5", "two--center-0.5"]
    assert float(column(page, 2)[0]) == pytest.approx(20 * np.log10(40 / 2), abs=0.01)


def test_a_click_sorts_by_a_method_and_another_turns_it_round(page):
    head(page, "of:far").click()
    assert column(page, 0) == ["two--center-0.5", "one--center-0.5"]  # 31 levels are fewer than 40
    head(page, "of:far").click()
    assert column(page, 0) == ["one--center-0.5", "two--center-0.5"]
    head(page, "of:none").click()
    assert column(page, 0)[-1] == "two--center-0.5"  # what is not done comes last
    assert column(page, 5) == [column(page, 5)[0], "failed"]


def test_another_measure_changes_the_figures(page):
    Select(page.find_element(By.ID, "measure")).select_by_visible_text("L1, %, hole")
    assert float(column(page, 3)[0]) == pytest.approx(100 * 2 / 255, rel=1e-3)
    best = page.find_elements(By.CSS_SELECTOR, "#cases td.best")
    assert [float(cell.text) for cell in best] == pytest.approx([100 * 2 / 255, 100 * 30 / 255], rel=1e-3)


def test_pictures_are_shown_and_the_page_says_how_many_are_not(page):
    names = [figure.text.split()[0] for figure in page.find_elements(By.CSS_SELECTOR, ".strip figure")]
    assert names == ["truth", "masked", "near", "far", "none"]
    assert page.find_element(By.ID, "unseen").text.startswith("1 cases are without pictures")
    image = page.find_element(By.CSS_SELECTOR, ".strip img")
    assert page.execute_script("return arguments[0].naturalWidth", image) == 64


def test_a_picture_is_enlarged_flipped_through_and_zoomed_at_one_place(page):
    image = page.find_element(By.CSS_SELECTOR, ".strip img[alt='near']")
    page.execute_script("arguments[0].scrollIntoView()", image)
    image.click()
    large = page.find_element(By.CSS_SELECTOR, "#stage img")
    assert (large.is_displayed(), large.get_attribute("alt")) == (True, "near")
    stage = page.find_element(By.ID, "stage")
    WebDriverWait(page, 10).until(lambda _: wide(large) > 64)  # enlarged to the window when it has loaded
    before = wide(large)
    webdriver.ActionChains(page).scroll_from_origin(
        webdriver.common.actions.wheel_input.ScrollOrigin.from_element(stage), 0, -100
    ).perform()
    assert wide(large) == pytest.approx(before * 1.2, rel=0.01)
    place = large.get_attribute("style")
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.ARROW_RIGHT)
    assert large.get_attribute("alt") == "far"
    assert large.get_attribute("style") == place
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    assert not large.is_displayed()


def test_what_failed_and_what_is_published_have_their_places(page):
    row = page.find_element(By.CSS_SELECTOR, "#not-done tr:nth-child(2)").text
    assert row.startswith("none two--center-0.5 failed")
    heads = [each.text for each in page.find_elements(By.TAG_NAME, "h3")]
    assert any(text.startswith("Yang et al. 2017 (MNPS), table 1 [V], published") for text in heads)
    measured = page.find_element(By.CSS_SELECTOR, "table.means").text
    assert "Content-Aware Fill" not in measured
