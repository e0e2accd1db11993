"""Waves and light: wavelength and frequency, refraction, lenses, gratings, the Doppler effect."""

from __future__ import annotations

from math import asin, degrees, radians, sin

from distil_envs.family import Question, Worked
from distil_envs.science.exact import choice, exact, shown
from distil_envs.science.family import ScienceFamily, amount, quantity
from distil_envs.science.misconceptions import Misconception
from distil_envs.science.slips import slips
from distil_envs.spaces import Filtered, Product

SOUND = 343


def _speed(f: int, wavelength: int) -> Worked:
    v = f * wavelength
    steps = ["speed = frequency * wavelength", f"{f} Hz * {wavelength} m = {v} m/s"]
    wrong = slips(
        "m/s",
        ("divided", f / wavelength, "The frequency was divided by the wavelength.", 1),
        ("inverted", wavelength / f, "The wavelength was divided by the frequency.", 1),
        ("added", f + wavelength, "The frequency and the wavelength were added.", 1),
    )
    return exact(v, "m/s", {"f": f, "w": wavelength}, steps, wrong)


def _frequency(f: int, wavelength: int) -> Worked:
    v = f * wavelength
    steps = ["frequency = speed / wavelength", f"{v} m/s / ({wavelength} m) = {f} Hz"]
    wrong = slips(
        "Hz",
        ("multiplied", v * wavelength, "The speed was multiplied by the wavelength.", 1),
        ("inverted", wavelength / v, "The wavelength was divided by the speed: that is the period.", 1),
        ("subtracted", v - wavelength, "The wavelength was subtracted from the speed.", 1),
    )
    return exact(f, "Hz", {"v": v, "w": wavelength}, steps, wrong)


def _snell(n: float, angle: int) -> Worked:
    ratio = sin(radians(angle)) / n
    value = degrees(asin(ratio))
    steps = [
        "sin(angle inside) = sin(angle outside) / index",
        f"sin({angle} deg) / {n} = {shown(ratio)}",
        f"angle inside = asin({shown(ratio)}) = {amount(value, 'deg')}",
    ]
    wrong = slips(
        "deg",
        ("divided-the-angle", angle / n, "The angle was divided by the index, not its sine.", 1),
        ("radians-for-degrees", asin(ratio), "The angle was given in radians.", 3),
        ("measured-from-the-surface", degrees(asin(sin(radians(90 - angle)) / n)), "The angle to the surface was taken "
         "in place of the angle to the normal.", 2),
    )  # fmt: skip
    return quantity(value, "deg", {"n": n, "angle": angle}, steps, wrong)


def _in_glass(wavelength: int, n: float) -> Worked:
    steps = [
        "wavelength inside = wavelength outside / index",
        f"{wavelength} nm / {n} = {amount(wavelength / n, 'nm')}",
    ]
    wrong = slips(
        "nm",
        ("multiplied", wavelength * n, "The wavelength was multiplied by the index.", 1),
        ("unchanged", wavelength, "The wavelength was left as it is: only the frequency stays the same.", 1),
        ("index-less-one", wavelength / (n - 1), "The index less 1 was used.", 1),
    )
    return quantity(wavelength / n, "nm", {"w": wavelength, "n": n}, steps, wrong)


def _lens(f: int, u: int) -> Worked:
    inverse = 1 / f - 1 / u
    steps = [
        "1 / image distance = 1 / focal length - 1 / object distance",
        f"1 / ({f} cm) - 1 / ({u} cm) = {shown(inverse)} 1/cm",
        f"image distance = 1 / ({shown(inverse)} 1/cm) = {amount(1 / inverse, 'cm')}",
    ]
    wrong = slips(
        "cm",
        ("added", 1 / (1 / f + 1 / u), "The inverses were added.", 1),
        ("forgot-inverse", inverse, "The difference of the inverses was not inverted.", 3),
        ("subtracted-distances", u - f, "The distances were subtracted, not their inverses.", 2),
    )
    return quantity(1 / inverse, "cm", {"f": f, "u": u}, steps, wrong)


def _image(f: int, u: int) -> Worked:
    far = u > 2 * f
    kinds = {
        "small": "real, upside down, smaller than the object",
        "large": "real, upside down, larger than the object",
        "virtual": "virtual, upright, larger than the object",
        "mirror": "virtual, upright, smaller than the object",
    }
    right = "virtual" if u < f else "small" if far else "large"
    said = {
        "small": "The object was taken to be beyond twice the focal length.",
        "large": "The object was taken to be between one and two focal lengths away.",
        "virtual": "The object was taken to be inside the focal length.",
        "mirror": "The image of a diverging lens was described.",
    }
    where = "less than f" if u < f else "more than 2*f" if far else "between f and 2*f"
    steps = [
        f"Compare the object distance of {u} cm with f and 2*f: {f} cm and {2 * f} cm",
        f"It is {where}",
        f"So the image is {kinds[right]}",
    ]
    others = {
        text: Misconception(f"image-{name}", "", said[name], 3 if name == "mirror" else 2)
        for name, text in kinds.items()
        if name != right
    }
    return choice(kinds[right], others, {"f": f, "u": u}, steps, f + u)


def _critical(n: float, outside: float) -> Worked:
    value = degrees(asin(outside / n))
    steps = [
        "sin(critical angle) = outer index / inner index",
        f"{outside} / {n} = {shown(outside / n)}",
        f"critical angle = asin({shown(outside / n)}) = {amount(value, 'deg')}",
    ]
    wrong = slips(
        "deg",
        ("from-the-surface", 90 - value, "The angle to the surface was given, not to the normal.", 3),
        ("radians-for-degrees", radians(value), "The angle was given in radians.", 3),
        ("ratio-for-angle", 90 * outside / n, "90 degrees were multiplied by the ratio: no sine was used.", 1),
    )
    return quantity(value, "deg", {"n": n, "o": outside}, steps, wrong)


def _grating(lines: int, wavelength: int, order: int) -> Worked:
    spacing = 1e6 / lines  # nm
    ratio = order * wavelength / spacing
    value = degrees(asin(ratio))
    steps = [
        f"Distance of the lines: 1 mm / {lines} = {shown(spacing)} nm",
        "sin(angle) = order * wavelength / distance",
        f"{order} * {wavelength} nm / ({shown(spacing)} nm) = {shown(ratio)}",
        f"angle = asin({shown(ratio)}) = {amount(value, 'deg')}",
    ]
    wrong = slips(
        "deg",
        ("radians-for-degrees", asin(ratio), "The angle was given in radians.", 4),
        ("half-the-wavelength", degrees(asin(ratio / 2)), "Half the path difference was taken, as for crystals.", 2),
        ("forgot-sine", degrees(ratio), "The sine was taken to be the angle.", 4),
    )
    return quantity(value, "deg", {"l": lines, "w": wavelength, "k": order}, steps, wrong)


def _doppler(f: int, v: int) -> Worked:
    value = f * SOUND / (SOUND - v)
    steps = [
        "heard frequency = frequency * speed of sound / (speed of sound - speed of the source)",
        f"{f} Hz * 343 m/s / (343 m/s - {v} m/s) = {amount(value, 'Hz', 4)}",
    ]
    wrong = slips(
        "Hz",
        ("wrong-sign", f * SOUND / (SOUND + v), "The speeds were added, as for a source that moves away.", 1),
        ("moving-listener", f * (SOUND + v) / SOUND, "The formula for a moving listener was used.", 1),
        ("inverted", f * (SOUND - v) / SOUND, "The fraction was turned over.", 1),
    )
    return quantity(value, "Hz", {"f": f, "v": v}, steps, wrong, figures=4)


_SPEED = (
    "A wave has a frequency of {f} Hz and a wavelength of {w} m. How fast is it, in m/s?",
    "Find the speed in m/s of waves of {w} m at {f} Hz.",
)
_FREQUENCY = (
    "A wave of wavelength {w} m moves at {v} m/s. What is its frequency, in Hz?",
    "Find the frequency in Hz of waves at {v} m/s with a wavelength of {w} m.",
)
_SNELL = (
    "Light falls from air on a clear solid of index {n} at {angle} degrees to the normal. At what angle to the normal "
    "does it go on, in degrees to 3 significant figures?",
    "A ray in air meets a medium of refractive index {n} at {angle} degrees to the normal. Find the angle of "
    "refraction in degrees to 3 significant figures.",
)
_IN_GLASS = (
    "Light of {w} nm in vacuum enters a medium of index {n}. What is its wavelength there, in nm to 3 significant "
    "figures?",
    "Find the wavelength in nm, to 3 significant figures, of light of {w} nm (in vacuum) inside a medium of index {n}.",
)
_LENS = (
    "An object stands {u} cm from a converging lens of focal length {f} cm. How far from the lens is its image, in cm "
    "to 3 significant figures?",
    "Find the image distance in cm, to 3 significant figures, of a thin converging lens (f = {f} cm) for an object at "
    "{u} cm.",
)
_IMAGE = (
    "An object stands {u} cm from a converging lens of focal length {f} cm. What is its image like?\n{options}",
    "Which describes the image that a converging lens with f = {f} cm makes of an object {u} cm away?\n{options}",
)
_CRITICAL = (
    "Light inside a medium of index {n} meets its border to a medium of index {o}. From which angle to the normal on "
    "is it totally reflected, in degrees to 3 significant figures?",
    "Find the critical angle in degrees, to 3 significant figures, between index {n} (inside) and index {o} (outside).",
)
_GRATING = (
    "Light of {w} nm falls at right angles on a grating of {l} lines per mm. At what angle to the straight ray is the "
    "maximum of order {k}, in degrees to 3 significant figures?",
    "A grating has {l} lines per mm. Find the angle of order {k} in degrees for {w} nm, to 3 significant figures.",
)
_DOPPLER = (
    "A siren of {f} Hz comes towards you at {v} m/s. What frequency do you hear, in Hz to 4 significant figures? The "
    "speed of sound is 343 m/s.",
    "Find the frequency in Hz, to 4 significant figures, that a resting listener hears of a horn of {f} Hz approaching "
    "at {v} m/s (speed of sound 343 m/s).",
)

_indices = (1.31, 1.33, 1.36, 1.45, 1.5, 1.52, 1.6, 1.66, 1.7, 1.8, 1.9, 2.0, 2.42)
_lenses = Filtered(Product(range(5, 31), range(8, 121, 2)), lambda f, u: u > f + 1)
_images = Filtered(Product(range(5, 31), range(3, 91, 3)), lambda f, u: u not in (f, 2 * f))
_borders = Filtered(Product(_indices, (1.0, 1.31, 1.33, 1.36, 1.45, 1.5)), lambda n, o: n > o + 0.1)
_gratings = Filtered(
    Product(range(100, 601, 20), range(400, 701, 10), range(1, 4)), lambda lines, w, k: k * w * lines < 0.9e6
)

FAMILY = ScienceFamily(
    "waves",
    "physics",
    [
        [
            Question("speed", Product(range(2, 21), range(2, 11)), _speed, _SPEED),
            Question("frequency", Product(range(2, 21), range(2, 11)), _frequency, _FREQUENCY),
        ],
        [
            Question("snell", Product(_indices, range(10, 81)), _snell, _SNELL),
            Question("in-glass", Product(range(400, 701, 10), _indices), _in_glass, _IN_GLASS),
        ],
        [
            Question("lens", _lenses, _lens, _LENS),
            Question("image", _images, _image, _IMAGE),
        ],
        [
            Question("critical", _borders, _critical, _CRITICAL),
            Question("grating", _gratings, _grating, _GRATING),
            Question("doppler", Product(range(200, 1001, 20), range(5, 61)), _doppler, _DOPPLER),
        ],
    ],
)
