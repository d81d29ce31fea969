"""The capture curve by the book: one window after another, one group of tied cells after another."""

from fractions import Fraction


def captured(values, inside, crimes, kind, share):
    """Crimes in the riskiest `share` of the ground of one window."""
    ground = sum(Fraction(m2) for m2 in inside)
    left, found = Fraction(share) * ground, Fraction(0)
    keys = [
        Fraction(v) / Fraction(m2) if kind == "expected_count" else Fraction(v)
        for v, m2 in zip(values, inside, strict=True)
    ]
    for key in sorted(set(keys), reverse=True):
        group = [i for i, k in enumerate(keys) if k == key]
        m2 = sum(Fraction(inside[i]) for i in group)
        taken = min(left, m2)
        found += taken / m2 * sum(Fraction(crimes[i]) for i in group)
        left -= taken
    return found


def area(values, inside, crimes, kind, upto=1):
    """Area under the curve of one window, in crimes, from 0 to `upto`."""
    ground = sum(Fraction(m2) for m2 in inside)
    ends = [Fraction(0), Fraction(upto)]
    keys = [
        Fraction(v) / Fraction(m2) if kind == "expected_count" else Fraction(v)
        for v, m2 in zip(values, inside, strict=True)
    ]
    for key in set(keys):
        end = sum(Fraction(inside[i]) for i, k in enumerate(keys) if k >= key) / ground
        if end < upto:
            ends.append(end)
    ends.sort()
    heights = [captured(values, inside, crimes, kind, end) for end in ends]
    return sum((b - a) * (f + g) / 2 for a, b, f, g in zip(ends, ends[1:], heights, heights[1:], strict=False))
