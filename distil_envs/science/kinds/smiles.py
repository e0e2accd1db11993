"""A molecule as SMILES: right when its canonical isomeric SMILES is that of the reference.

Reference: ``answer``, a SMILES. Where it says nothing of stereochemistry, that of the answer is ignored. In a sentence
the last SMILES counts. Needs rdkit (the extra ``chemistry``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from distil_envs.errors import ConfigError, TaskError
from distil_envs.hedging import alternatives, denied, hanging, without_reason
from distil_envs.outcome import Diagnosis, Span
from distil_envs.science.chemistry import Formula
from distil_envs.science.judgement import Judgement, correct, malformed, wrong
from distil_envs.science.kinds.formula import differences

_READ = 5000
_LONGEST = 1000
_PARTS = 40
_WORD = re.compile(r"\S+")
_OPENING = re.compile(r"(?:\\(?:text|math)[a-z]*\s*\{|\\verb\||\\ce\{|[`$\"'“‘{}]|\*\*|(?i:smiles)[:=])*")
_CLOSING = re.compile(r"(?:[`$\"'”’{}|.,;:!?]|\*\*)*$")
_SHAPE = re.compile(r"[A-Za-z0-9@+\-\[\]()=#$:/\\%.*~]+")
_PRONOUN = re.compile(r"\s+[a-z]{2}")
# rdkit keeps charges and hydrogen counts in one byte and wraps around beyond it.
_OVERFLOW = re.compile(r"[+-]\d{2}|\[[^\]]*H\d{2}|\[\d{4}|[+]{4}|-{4}")


def check(reference: Mapping[str, Any]) -> None:
    """See `distil_envs.science.judgement.Kind.check`. Raises ConfigError where rdkit is not installed."""
    _wanted(reference)


def judge(reference: Mapping[str, Any], text: str) -> Judgement:
    """See `distil_envs.science.judgement.Kind.judge`. Raises ConfigError where rdkit is not installed."""
    wanted = _wanted(reference)
    found = _molecules(without_reason(text)) or _molecules(text)
    if not found:
        pieces = [piece for piece, _ in _pieces(text)]
        reason = _molecule(pieces[-1])[1] if pieces else ""
        return malformed("unparsable", f"There is no valid SMILES{f': {reason}' if reason else ''}.", (0, len(text)))
    mol, span = found[-1]
    if len(found) > 1:
        before, place = found[-2]
        if text[place[1] - 1] not in ",;:" and not text[place[1] : span[0]].strip():
            return malformed("unparsable", "A SMILES has no spaces in it.", (place[0], span[1]))
        if _canonical(before) != _canonical(mol) and alternatives(text[place[1] : span[0]], text[span[1] :]):
            return malformed("hedge", "Two different molecules are offered; give one.", (place[0], span[1]))
    if len(found) == 1 and hanging(text[: span[0]], text[span[1] :]):
        return malformed("hedge", "Two different answers are offered; give one SMILES.", (0, len(text)))
    if _canonical(mol) == _canonical(wanted) or (_flat(wanted) == _canonical(wanted) == _flat(mol)):
        return correct(span)
    return wrong(span, *_diagnose(wanted, mol, span))


def parts(text: str) -> list[str]:
    """See `distil_envs.science.judgement.Kind.parts`."""
    return [piece for piece, _ in _pieces(text)][-_PARTS:]


def _wanted(reference: Mapping[str, Any]) -> Any:
    answer = reference.get("answer")
    mol, reason = _molecule(str(answer))
    if mol is None:
        raise TaskError(f"answer {answer!r} is not a valid SMILES: {reason}; write it like CC(=O)O")
    return mol


def _pieces(text: str) -> Iterator[tuple[str, Span]]:
    """What could be a SMILES by its characters, without mark-up, and where it stands."""
    start = max(0, len(text) - _READ)
    words = list(_WORD.finditer(text, start))[-_PARTS:]
    for word in words:
        piece = _CLOSING.sub("", _OPENING.sub("", word[0], count=1)).replace("\\#", "#")
        if len(words) > 1:  # a remark in brackets
            piece = piece[_lone(piece, "(", ")") :]
            piece = piece[: len(piece) - _lone(piece, ")", "(")]
        elif re.fullmatch(r"\([^()]*\)", piece):
            piece = piece[1:-1]
        pronoun = piece == "I" and _PRONOUN.match(text, word.end())
        if _SHAPE.fullmatch(piece) and not pronoun and not denied(text[: word.start()], text[word.end() :]):
            yield piece, word.span()


def _molecules(text: str) -> list[tuple[Any, Span]]:
    return [(mol, span) for piece, span in _pieces(text) for mol in [_molecule(piece)[0]] if mol is not None]


def _lone(piece: str, bracket: str, other: str) -> int:
    outer = piece[:1] if bracket == "(" else piece[-1:]
    return int(outer == bracket and piece.count(bracket) > piece.count(other))


def _molecule(smiles: str) -> tuple[Any, str]:
    """The molecule, or None and why it is none."""
    try:
        from rdkit import Chem, rdBase
    except ImportError:
        raise ConfigError("SMILES need rdkit, which is not installed: pip install 'distil-envs[chemistry]'") from None
    if not smiles or len(smiles) > _LONGEST or _OVERFLOW.search(smiles) or not _SHAPE.fullmatch(smiles):
        return None, "it is empty, too long, or has numbers or signs that no molecule has"
    with rdBase.BlockLogs(), rdBase.CaptureErrorLog() as log:
        mol = Chem.MolFromSmiles(smiles)
    reason = re.sub(
        r"^\[[\d:]+\]\s*(?:SMILES Parse Error: )?|\s*(?:for input|while parsing).*$", "", log.messages.split("\n")[0]
    )
    return mol, reason


def _canonical(mol: Any) -> str:
    from rdkit import Chem

    return str(Chem.MolToSmiles(mol))


def _flat(mol: Any, *, isotopes: bool = True) -> str:
    """Canonical without stereochemistry."""
    from rdkit import Chem

    copy = Chem.Mol(mol)
    Chem.RemoveStereochemistry(copy)
    for atom in () if isotopes else copy.GetAtoms():
        atom.SetIsotope(0)
    return _canonical(copy)


def _diagnose(wanted: Any, got: Any, span: Span) -> Iterator[Diagnosis]:
    if _flat(got) == _flat(wanted):
        yield _stereo(wanted, got, span)
        return
    asked, given = _formula(wanted), _formula(got)
    if asked == given:
        if _flat(wanted, isotopes=False) == _flat(got, isotopes=False):
            yield Diagnosis("isotope", "Only the isotopes are not right.", span=span)
        else:
            message = "The molecular formula is right, but the atoms are connected in another way."
            yield Diagnosis("isomer", message, span=span)
        return
    heavy = [{name: count for name, count in formula.atoms if name != "H"} for formula in (asked, given)]
    protons = given.counts.get("H", 0) - asked.counts.get("H", 0)
    if heavy[0] == heavy[1] and protons == given.charge - asked.charge:
        message = f"This has {abs(protons)} H+ too {'many' if protons > 0 else 'few'}."
        yield Diagnosis("protonation", message, {"protons": protons}, reveals_reference=True, span=span)
    else:
        yield from differences(asked, given, span)


def _stereo(wanted: Any, got: Any, span: Span) -> Diagnosis:
    from rdkit import Chem

    if _flat(got) == _canonical(got):
        return Diagnosis("stereo", "The connectivity is right, but the stereochemistry is not given.", span=span)
    settled = len(Chem.FindPotentialStereo(wanted)) == 1
    message = "The connectivity is right, but the stereochemistry is not."
    return Diagnosis("stereo", message, reveals_reference=settled, span=span)


def _formula(mol: Any) -> Formula:
    counts: Counter[str] = Counter()
    charge = 0
    for atom in mol.GetAtoms():
        counts[atom.GetSymbol()] += 1
        counts["H"] += atom.GetTotalNumHs()
        charge += atom.GetFormalCharge()
    return Formula(tuple(sorted((+counts).items())), charge)
