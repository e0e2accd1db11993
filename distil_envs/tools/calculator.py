"""`CalculatorTool`: arithmetic with units, evaluated in a process that can be killed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from distil_envs.tools.arithmetic import FUNCTIONS, Value, evaluate
from distil_envs.tools.function import FunctionTool
from distil_envs.tools.tool import ToolError

MAX_DIGITS = 200
"""Of an integer that is shown exactly."""

_PARAMETERS: Final = {
    "type": "object",
    "properties": {"expression": {"type": "string", "description": "Such as '3 km / 2 h in m/s' or 'sqrt(2) * 10^3'."}},
    "required": ["expression"],
    "additionalProperties": False,
}


class CalculatorTool(FunctionTool):
    """Evaluates an expression with units (of pint), and converts the result with ``in`` or ``to``.

    ``distil_envs.tools.arithmetic`` says what expressions are. Integers and their fractions are exact; results that are
    no integer are shown with 12 significant digits.
    """

    def __init__(self, timeout_s: float = 10.0) -> None:
        """``timeout_s``: seconds of wall time of one call. Raises ConfigError for none that is positive."""
        functions = ", ".join(FUNCTIONS)
        description = (
            "Evaluates an arithmetic expression, with units if you like; 'in' or 'to' and a unit behind it converts. "
            f"Operators: + - * / % ^. Functions: {functions} (angles in radians, or with a unit). Constants: pi, e."
        )
        super().__init__(_calculate, "calculator", description, _PARAMETERS, timeout_s)


def _calculate(expression: str) -> str:
    """The value as text. Raises ToolError, with words for the policy."""
    from pint.errors import PintError

    try:
        return _shown(evaluate(expression))
    except ZeroDivisionError:
        raise ToolError("Error: division by zero") from None
    except OverflowError:
        raise ToolError("Error: a number is too large") from None
    except (PintError, ArithmeticError, ValueError, TypeError) as error:
        raise ToolError(f"Error: {error}") from error
    except RecursionError:
        raise ToolError("Error: the expression is nested too deeply") from None


def _shown(value: Value) -> str:
    if isinstance(value, (int, float, Fraction)):
        return _number(value)
    return f"{_number(value.magnitude)} {value.units:~C}".strip()


def _number(value: Any) -> str:
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if isinstance(value, int):
        return str(value) if abs(value) < 10**MAX_DIGITS else f"{Decimal(value):.12g}"
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{value:.12g}"
