"""A backtest by the book: night after night, cell by cell, from raw columns, in plain loops."""

import math
from collections import defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import shapely

UTC = ZoneInfo("UTC")
DAY = timedelta(days=1)
COUNTS = ("hits", "hits_worst", "hits_best", "oracle_hits", "flagged_m2", "boxes", "boxes_hit", "budget_m2")


def utc(wall, zone):
    """The moment of a wall-clock text."""
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def nights_of(first, last, zone):
    """(start, end) of every civil day from `first` to the day before `last`."""
    days, day = [], datetime.fromisoformat(first)
    while day < datetime.fromisoformat(last):
        days.append((utc(day.isoformat(), zone), utc((day + DAY).isoformat(), zone)))
        day += DAY
    return days


def days_before(moment, number, zone):
    """The same wall-clock time some civil days earlier."""
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return utc((wall - number * DAY).isoformat(), zone)


def in_days(length):
    return length / DAY


def cell_of(x, y, side):
    """Row and column on whole millimetres, counted from the origin of the coordinates."""
    return round(y * 1000) // (side * 1000), round(x * 1000) // (side * 1000)


def lay_cells(areas, side):
    """Inside-area and area name of every cell: {(row, column): (m2, name)}."""
    found = {}
    for name, polygon in areas.items():
        west, south, east, north = polygon.bounds
        for row in range(math.floor(south / side), math.ceil(north / side)):
            for column in range(math.floor(west / side), math.ceil(east / side)):
                box = shapely.box(column * side, row * side, (column + 1) * side, (row + 1) * side)
                part = polygon.intersection(box).area
                if part > 0:
                    total, best, owner = found.get((row, column), (0.0, 0.0, None))
                    # A cell belongs to the area that holds most of it.
                    if part > best:
                        best, owner = part, name
                    found[row, column] = total + part, best, owner
    return {cell: (total, owner) for cell, (total, _, owner) in found.items()}


def groups(cells, key):
    """Cells by falling key; those whose keys agree to 12 significant digits together."""
    together = defaultdict(list)
    for cell in cells:
        together[f"{key(cell):.11e}"].append(cell)
    return [together[digits] for digits in sorted(together, key=float, reverse=True)]


def spend(ordered, size, room):
    """Shares of the cells when `room` is spent from the top; also the tied cells that share what was left, and it."""
    share = {}
    for tied in ordered:
        together = sum(size(cell) for cell in tied)
        if together <= room * (1 + 1e-12):
            share.update(dict.fromkeys(tied, 1.0))
            room -= together
            if room <= 1e-9 * together:
                return share, [], 0.0
        else:
            share.update(dict.fromkeys(tied, room / together))
            return share, tied, room
    return share, [], 0.0


def greedy(tied, gain, size, room):
    """Crimes in the cells of `tied`, in this order, that fit into `room`; the last cell in part."""
    caught = 0.0
    for cell in tied:
        part = min(1.0, max(room, 0.0) / size(cell))
        caught += part * gain(cell)
        room -= size(cell)
    return caught


def tally_night(cells, value, crimes, hit, budget, per_m2):
    """What one budget ("top" k or "share" f, per area or not) catches on one night: {area: {name: number}}."""
    coin, amount, per_area = budget
    names = sorted({owner for _, owner in cells.values()})

    def inside(cell):
        return cells[cell][0]

    def y(cell):
        return crimes.get(cell, 0.0)

    def one(cell):
        return 1.0

    size = one if coin == "top" else inside
    rank = (lambda cell: value[cell] / inside(cell)) if coin == "share" and per_m2 else (lambda cell: value[cell])
    worth = y if coin == "top" else (lambda cell: y(cell) / inside(cell))
    out = {name: dict.fromkeys(COUNTS, 0.0) for name in names}
    scopes = [[c for c in cells if cells[c][1] == name] for name in names] if per_area else [list(cells)]
    for scope in scopes:
        ground = sum(inside(cell) for cell in scope)
        room = amount if coin == "top" else amount * ground
        share, tied, left = spend(groups(scope, rank), size, room)
        unsure = set(tied)
        for cell, part in share.items():
            area = out[cells[cell][1]]
            area["hits"] += part * y(cell)
            area["flagged_m2"] += part * inside(cell)
            area["boxes"] += part
            area["boxes_hit"] += part * hit.get(cell, 0.0)
            if cell not in unsure:
                area["hits_worst"] += y(cell)
                area["hits_best"] += y(cell)
        # By area these two are only defined where each has its own budget; elsewhere their sum is.
        first = out[cells[scope[0]][1]]
        rising = sorted(tied, key=worth)
        first["hits_worst"] += greedy(rising, y, size, left)
        first["hits_best"] += greedy(rising[::-1], y, size, left)
        used = amount if coin == "top" else sum(part * inside(cell) for cell, part in share.items())
        with_crime = [cell for cell in scope if y(cell) > 0]
        for cell, part in spend(groups(with_crime, worth), size, used)[0].items():
            out[cells[cell][1]]["oracle_hits"] += part * y(cell)
        for cell in scope:
            fraction = min(amount, len(scope)) / len(scope) if coin == "top" else amount
            out[cells[cell][1]]["budget_m2"] += fraction * inside(cell)
    for name in names:
        own = [cell for cell in cells if cells[cell][1] == name]
        area, total = out[name], sum(inside(cell) for cell in own)
        area["events"], area["total_m2"] = sum(y(cell) for cell in own), total
        area["chance_hits"] = area["events"] * area["flagged_m2"] / total
    return out


def happening(crimes, start, end):
    """(crime, weight) of those that happened in [start, end): of an interval, the part of it that lies there."""
    for crime in crimes:
        first, last = crime["happened"], crime["until"]
        if first == last:
            if start <= first < end:
                yield crime, 1.0
        else:
            part = (min(last, end) - max(first, start)) / (last - first)
            if part > 0:
                yield crime, part


def known(crimes, until):
    """Those recorded before `until`; without a time of recording, those that had certainly happened."""
    return [crime for crime in crimes if (crime["recorded"] or crime["until"]) < until]


def aged(crime, until):
    """The moment a crime's age counts from."""
    middle = crime["happened"] + (crime["until"] - crime["happened"]) / 2
    return min(middle, until - timedelta(microseconds=1))


def count_map(past, cells, side, observed, window, until, zone):
    """Crimes of the last 21 civil days per observed day, times the length of the window."""
    since = max(days_before(until, 21, zone), observed[0])
    value = dict.fromkeys(cells, 0.0)
    for crime in past:
        cell = cell_of(crime["x"], crime["y"], side)
        if since <= aged(crime, until) < until and cell in value:
            value[cell] += 1.0
    rate = in_days(min(until, observed[1]) - since)
    return {cell: number / rate * in_days(window[1] - window[0]) for cell, number in value.items()}


def uniform(past, cells, side, observed, window, until, zone):
    """The mean daily number of crimes, spread by ground."""
    inside = sum(cell_of(crime["x"], crime["y"], side) in cells for crime in past if crime["happened"] >= observed[0])
    total = sum(m2 for m2, _ in cells.values())
    rate = inside / in_days(min(until, observed[1]) - observed[0])
    return {cell: rate * m2 / total * in_days(window[1] - window[0]) for cell, (m2, _) in cells.items()}


def backtest(crimes, areas, side, nights, observed, budgets, forecasters, zone, lead=timedelta(0)):
    """Tallies by (forecaster, area, budget number, night number), and crimes outside by night.

    `crimes` are dicts with x, y, happened, until, recorded (or None); a forecaster that raises leaves NaN.
    """
    cells = lay_cells(areas, side)
    rows, outside = {}, []
    for night, window in enumerate(nights):
        until = window[0] - lead
        here, missed, left_out = defaultdict(float), defaultdict(lambda: 1.0), 0.0
        for crime, weight in happening(crimes, *window):
            cell = cell_of(crime["x"], crime["y"], side)
            if cell in cells:
                here[cell] += weight
                missed[cell] *= 1.0 - weight
            else:
                left_out += weight
        hit = {cell: 1.0 - none for cell, none in missed.items()}
        outside.append(left_out)
        for name, forecaster in forecasters.items():
            try:
                value = forecaster(known(crimes, until), cells, side, observed, window, until, zone)
            except RuntimeError:
                value = None
            for number, budget in enumerate(budgets):
                some = dict.fromkeys(cells, 0.0) if value is None else value
                for area, counts in tally_night(cells, some, here, hit, budget, per_m2=True).items():
                    blank = value is None
                    rows[name, area, number, night] = {key: math.nan if blank else n for key, n in counts.items()}
    return rows, outside


def caught_by_night(city):
    """What the count map catches in a square city without areas; `city` has columns and sizes as plain attributes."""
    began = utc(city.start, "UTC")
    moments = [began + int(hour) * DAY / 24 for hour in city.hours]
    crimes = [
        {"x": x, "y": y, "happened": moment, "until": moment, "recorded": None}
        for x, y, moment in zip(city.x.tolist(), city.y.tolist(), moments, strict=True)
    ]
    first = began + city.history * DAY
    nights = [(first + night * DAY, first + (night + 1) * DAY) for night in range(city.nights)]
    area = {"all": shapely.box(0, 0, city.cells * city.side, city.cells * city.side)}
    asked = [("share", city.share, False)], {"map": count_map}, "UTC"
    rows, _ = backtest(crimes, area, city.side, nights, (began, nights[-1][1]), *asked)
    return [rows["map", "all", 0, night]["hits"] for night in range(city.nights)]
