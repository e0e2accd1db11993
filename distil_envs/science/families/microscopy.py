"""Microscopy: magnification, actual size, scale bars, fields of view, eyepiece scales, resolution."""

from __future__ import annotations

from distil_envs.family import Question, Worked
from distil_envs.science.exact import exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity, rounded
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

_EYEPIECES = (5, 8, 10, 12, 15, 16, 20)
_OBJECTIVES = (2, 4, 6, 10, 20, 25, 40, 50, 60, 63, 80, 100)


def _total(eyepiece: int, objective: int) -> Worked:
    value = eyepiece * objective
    steps = ["Total magnification = eyepiece * objective", f"{eyepiece} * {objective} = {value}"]
    wrong = slips(
        "",
        ("added", eyepiece + objective, "The two magnifications were added, not multiplied.", 1),
        ("objective-only", objective, "Only the objective was reckoned with.", 1),
        ("divided", objective / eyepiece, "The objective was divided by the eyepiece.", 1),
    )
    return exact(value, "", {"e": eyepiece, "o": objective}, steps, wrong)


def _actual(micrometres: int, hundreds: int) -> Worked:
    magnification = 100 * hundreds
    image = micrometres * magnification / 1000
    steps = [
        f"Image: {shown(image)} mm * 1000 um/mm = {shown(image * 1000)} um",
        f"Actual size = image / magnification = {shown(image * 1000)} um / {magnification} = {micrometres} um",
    ]
    wrong = slips(
        "um",
        ("forgot-conversion", image / magnification, "Millimetres were taken for micrometres.", 1),
        ("multiplied", image * 1000 * magnification, "The image was multiplied by the magnification.", 2),
        ("factor-ten", 10 * image / magnification, "A millimetre was taken for ten micrometres.", 1),
        ("upside-down", magnification / (image * 1000), "The magnification was divided by the image.", 2),
    )
    return exact(micrometres, "um", {"image": shown(image), "m": magnification}, steps, wrong)


def _magnification(tenths: int, micrometres: int) -> Worked:
    image = tenths / 10
    value = image * 1000 / micrometres
    steps = [
        f"Image: {shown(image)} mm * 1000 um/mm = {shown(image * 1000)} um",
        f"Magnification = image / actual size = {shown(image * 1000)} um / {micrometres} um = {rounded(value)}",
    ]
    wrong = slips(
        "",
        ("forgot-conversion", image / micrometres, "Millimetres were taken for micrometres.", 1),
        ("upside-down", micrometres / (image * 1000), "The actual size was divided by the image.", 2),
        ("factor-hundred", image * 100 / micrometres, "A millimetre was taken for a hundred micrometres.", 1),
    )
    return quantity(value, "", {"image": shown(image), "actual": micrometres}, steps, wrong)


def _scale_bar(bar_mm: int, bar_um: int, image_mm: int) -> Worked:
    value = image_mm * bar_um / bar_mm
    steps = [
        f"1 mm of the image stands for {bar_um} um / {bar_mm} = {shown(bar_um / bar_mm)} um",
        f"{image_mm} * {shown(bar_um / bar_mm)} um = {amount(value, 'um')}",
    ]
    wrong = slips(
        "um",
        ("upside-down", image_mm * bar_mm / bar_um, "The scale was turned upside down.", 1),
        ("bar-counts-one", image_mm * bar_um, "The bar's length on the image was left out.", 1),
        ("length-by-bar", image_mm / bar_mm, "The number of bars was given, not the length.", 2),
        ("converted-as-well", value * 1000, "Millimetres were converted although the scale does it.", 2),
    )
    return quantity(value, "um", {"bar": bar_mm, "um": bar_um, "image": image_mm}, steps, wrong)


def _field(tenths: int, low: int, high: int, cells: int) -> Worked:
    """The field of view at a higher objective, and the length of a cell that fits so many times."""
    field = tenths / 10
    smaller = field * 1000 * low / high
    value = smaller / cells
    steps = [
        f"Field at {low}x: {shown(field)} mm = {shown(field * 1000)} um",
        f"Field at {high}x: {shown(field * 1000)} um * {low} / {high} = {shown(smaller)} um",
        f"One cell: {shown(smaller)} um / {cells} = {amount(value, 'um')}",
    ]
    wrong = slips(
        "um",
        ("field-enlarged", field * 1000 * high / low / cells, "The field was enlarged; a higher power narrows it.", 2),
        ("same-field", field * 1000 / cells, "The field was taken to stay as it is.", 2),
        ("squared", field * 1000 * (low / high) ** 2 / cells, "The field's area was scaled, not its diameter.", 2),
        ("forgot-cells", smaller, "The diameter of the field was given, not the length of a cell.", 3),
    )
    return quantity(value, "um", {"f": shown(field), "low": low, "high": high, "n": cells}, steps, wrong)


def _graticule(divisions: int, stage: int, cell: int, low: int, high: int) -> Worked:
    """An eyepiece scale, calibrated at one objective (stage divisions of 10 um) and used at another."""
    at_low = stage * 10 / divisions
    at_high = at_low * low / high
    value = cell * at_high
    steps = [
        f"At {low}x one eyepiece division is {stage} * 10 um / {divisions} = {shown(at_low)} um",
        f"At {high}x it is {shown(at_low)} um * {low} / {high} = {shown(at_high)} um",
        f"{cell} * {shown(at_high)} um = {amount(value, 'um')}",
    ]
    wrong = slips(
        "um",
        ("not-recalibrated", cell * at_low, "The calibration of the other objective was used.", 2),
        ("wrong-way", cell * at_low * high / low, "A division was made larger at the higher power.", 2),
        ("upside-down", cell * divisions / (stage * 10) * low / high, "The calibration was turned upside down.", 1),
        ("forgot-ten", value / 10, "Stage divisions were taken to be 1 um.", 1),
    )
    slots = {"d": divisions, "s": stage, "c": cell, "low": low, "high": high}
    return quantity(value, "um", slots, steps, wrong)


def _resolution(nanometres: int, hundredths: int) -> Worked:
    aperture = hundredths / 100
    value = 0.61 * nanometres / aperture
    steps = [
        "d = 0.61 * wavelength / NA",
        f"0.61 * {nanometres} nm / {shown(aperture)} = {amount(value, 'nm')}",
    ]
    wrong = slips(
        "nm",
        ("multiplied", 0.61 * nanometres * aperture, "The aperture was multiplied in, not divided by.", 2),
        ("forgot-factor", nanometres / aperture, "The factor 0.61 was left out.", 1),
        ("halved", nanometres / (2 * aperture), "Abbe's factor 0.5 was taken.", 1),
        ("forgot-aperture", 0.61 * nanometres, "The aperture was left out.", 2),
    )
    return quantity(value, "nm", {"w": nanometres, "na": shown(aperture)}, steps, wrong)


FAMILY = ScienceFamily(
    "microscopy",
    "biology",
    [
        [
            Question(
                "total",
                Product(_EYEPIECES, _OBJECTIVES),
                _total,
                (
                    "A microscope has a {e}x eyepiece and a {o}x objective. What is the total magnification?",
                    "Find the total magnification of a {o}x objective with a {e}x eyepiece.",
                ),
            )
        ],
        [
            Question(
                "actual-size",
                Product(range(2, 121), (1, 2, 4, 5, 10)),
                _actual,
                (
                    "A cell is {image} mm long in a photograph magnified {m} times. What is its actual length in um?",
                    "At a magnification of {m} an organism looks {image} mm long. Find its real length in um.",
                ),
            ),
            Question(
                "magnification",
                Product(range(50, 1001, 5), range(3, 100, 4)),
                _magnification,
                (
                    "A cell of {actual} um is {image} mm long in a drawing. What is the magnification of the drawing? "
                    "Give 3 significant figures.",
                    "Find the magnification, to 3 significant figures, of a picture that shows {actual} um as "
                    "{image} mm.",
                ),
            ),
        ],
        [
            Question(
                "scale-bar",
                Filtered(
                    Product(range(5, 41), (2, 5, 10, 20, 25, 50, 100), range(7, 121)), lambda bar, um, image: bar != um
                ),
                _scale_bar,
                (
                    "A scale bar marked {um} um is {bar} mm long. How long in um is a cell that measures {image} mm on "
                    "the same image? Give 3 significant figures.",
                    "On a micrograph {bar} mm stand for {um} um. A cell covers {image} mm; find its length in um to 3 "
                    "significant figures.",
                ),
            ),
            Question(
                "resolution",
                Product(range(400, 701, 5), (10, 25, 30, 40, 65, 75, 80, 95, 125, 140)),
                _resolution,
                (
                    "Find the smallest resolved distance d = 0.61*wavelength/NA in nm for {w} nm and NA = {na}, to 3 "
                    "significant figures.",
                    "An objective has NA = {na}. Which distance in nm does it resolve with light of {w} nm "
                    "(d = 0.61*wavelength/NA)? Give 3 significant figures.",
                ),
            ),
        ],
        [
            Question(
                "field",
                Product(range(10, 51), (4, 5, 10), (20, 40, 60, 100), range(3, 13)),
                _field,
                (
                    "The field of view is {f} mm wide at {low}x. At {high}x, {n} cells in a row just span it. How long "
                    "is one cell in um? Give 3 significant figures.",
                    "{n} cells laid end to end fill the field of a {high}x objective. The field of the {low}x "
                    "objective is {f} mm wide. Find the length of a cell in um to 3 significant figures.",
                ),
            ),
            Question(
                "graticule",
                Product((20, 40, 50, 80, 100), range(5, 40), range(3, 30), (4, 10), (20, 40, 100)),
                _graticule,
                (
                    "At {low}x, {d} eyepiece divisions match {s} stage divisions of 10 um. At {high}x a cell spans {c} "
                    "eyepiece divisions. How long is it in um? Give 3 significant figures.",
                    "{s} divisions (10 um each) of a stage scale cover {d} eyepiece divisions at {low}x. Find in "
                    "um, to 3 significant figures, a cell of {c} eyepiece divisions at {high}x.",
                ),
            ),
        ],
    ],
)
