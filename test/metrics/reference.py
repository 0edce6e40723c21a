"""Every rate once more, from its definition, in NumPy and exact fractions. `data` is a list of cases with what maskbench found; prints the
differences as JSON. Nothing here is taken from maskbench but the generator of its draws, which is given by its published algorithm."""
from fractions import Fraction

import numpy as np

problems = []


class Case:
    def __init__(self, name):
        self.name = name

    def same(self, what, found, expected, tolerance=0.0):
        """`found` comes from JSON: null is undefined, infinities are text."""
        if found is None or (isinstance(expected, float) and np.isnan(expected)):
            equal = found is None and (expected is None or np.isnan(expected))
        elif expected is None:
            equal = False
        elif isinstance(found, str) or np.isinf(expected):
            equal = float(found) == expected
        else:
            equal = abs(float(found) - float(expected)) <= tolerance * max(1.0, abs(float(expected)))
        if not equal:
            problems.append(f"{self.name}: {what}: found {found}, expected {expected}")


# Verification


def rates(genuine, impostor, threshold):
    """FMR and FNMR at score >= threshold."""
    fmr = np.sum(impostor >= threshold) / len(impostor) if len(impostor) else np.nan
    fnmr = np.sum(genuine < threshold) / len(genuine) if len(genuine) else np.nan
    return float(fmr), float(fnmr)


def all_thresholds(genuine, impostor):
    return np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)


def points(genuine, impostor):
    """(FMR, FNMR) at every threshold as exact fractions."""
    return [
        (Fraction(int(np.sum(impostor >= t)), len(impostor)), Fraction(int(np.sum(genuine < t)), len(genuine)))
        for t in all_thresholds(genuine, impostor)
    ]


def diagonal(curve):
    """Where a falling FMR and a rising FNMR are equal, on the straight line between two points."""
    for (fmr_a, fnmr_a), (fmr_b, fnmr_b) in zip(curve, curve[1:]):
        if fnmr_b >= fmr_b:
            share = (fmr_a - fnmr_a) / ((fmr_a - fnmr_a) + (fnmr_b - fmr_b))
            return float(fmr_a + share * (fmr_b - fmr_a))
    raise AssertionError


def lower_hull(curve):
    """The corners of the lower left convex hull, in the order of the curve (Andrew's monotone chain)."""
    kept = []
    for x, y in sorted(set(curve)):
        while len(kept) > 1:
            (x1, y1), (x2, y2) = kept[-2:]
            if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0:
                break
            kept.pop()
        kept.append((x, y))
    return kept[::-1]


def auc(genuine, impostor):
    wins = 2 * np.sum(genuine[:, None] > impostor) + np.sum(genuine[:, None] == impostor)
    return float(wins / 2 / (len(genuine) * len(impostor)))


def d_prime(genuine, impostor):
    pooled = np.sqrt((np.var(genuine) + np.var(impostor)) / 2)
    scale = np.max(np.abs(np.concatenate([genuine, impostor])))
    return None if pooled <= 1e-15 * scale else float(abs(np.mean(genuine) - np.mean(impostor)) / pooled)


def cllr(genuine, impostor):
    return float((np.mean(np.logaddexp(0, -genuine)) + np.mean(np.logaddexp(0, impostor))) / 2 / np.log(2))


def min_cllr(genuine, impostor):
    """Cllr after pool-adjacent-violators."""
    blocks = []
    for score in np.unique(np.concatenate([genuine, impostor])):
        blocks.append([int(np.sum(genuine == score)), int(np.sum(impostor == score))])
        while len(blocks) > 1:
            (g1, i1), (g2, i2) = blocks[-2:]
            if Fraction(g1, g1 + i1) < Fraction(g2, g2 + i2):
                break
            blocks[-2:] = [[g1 + g2, i1 + i2]]
    sides = [[], []]
    for g, i in blocks:
        with np.errstate(divide="ignore"):
            llr = np.log(np.float64(g)) - np.log(np.float64(i)) - np.log(len(genuine) / len(impostor))
        sides[0] += [llr] * g
        sides[1] += [llr] * i
    return cllr(np.array(sides[0]), np.array(sides[1]))


def at_fmr(genuine, impostor, target):
    """The smallest threshold with FMR <= target."""
    return next(t for t in all_thresholds(genuine, impostor) if rates(genuine, impostor, t)[0] <= target)


def at_fnmr(genuine, impostor, target):
    """The largest threshold with FNMR <= target."""
    return [t for t in all_thresholds(genuine, impostor) if rates(genuine, impostor, t)[1] <= target][-1]


# Draws


class SplitMix64:
    """Steele, Lea and Flood 2014."""

    def __init__(self, state):
        self.state = state % 2**64

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
        return mixed ^ (mixed >> 31)

    def below(self, bound):
        return ((self.next() >> 32) * bound) >> 32


def draw_weights(labels, first, second, identities, seed, number):
    """How often each comparison counts in a draw."""
    random = SplitMix64(SplitMix64(seed ^ (number * 0xD1342543DE82EF95)).next())
    weights = np.zeros(len(labels))
    if identities:
        drawn = np.zeros(identities)
        for _ in range(identities):
            drawn[random.below(identities)] += 1
        return np.where(labels == 1, drawn[first], drawn[first] * drawn[second])
    for label in (1, 0):
        rows = np.flatnonzero(labels == label)
        for _ in rows:
            weights[rows[random.below(len(rows))]] += 1
    return weights


def weighted(scores, labels, weights, targets, thresholds):
    """EER, AUC, FNMR at FMR targets, FMR and FNMR at thresholds of repeated comparisons."""
    repeated = np.repeat(np.arange(len(scores)), weights.astype(int))
    genuine, impostor = (scores[repeated][labels[repeated] == label] for label in (1, 0))
    if len(genuine) == 0 or len(impostor) == 0:
        return None
    fnmr = [rates(genuine, impostor, at_fmr(genuine, impostor, target))[1] for target in targets]
    fixed = [rate for t in thresholds for rate in rates(genuine, impostor, t)]
    return [diagonal(points(genuine, impostor)), auc(genuine, impostor), *fnmr, *fixed]


def interval(values):
    return np.percentile(values, [2.5, 97.5])


def bound(errors, of):
    """Exact 95% bound where none or all are errors."""
    return 1 - 0.05 ** (1 / of)


# Against maskbench


def share(case, what, found, errors, of, draws=None):
    if of == 0:
        return case.same(what, found["value"], None)
    case.same(what, found["value"], errors / of)
    case.same(f"{what}: errors", found["errors"], errors)
    case.same(f"{what}: of", found["of"], of)
    if errors in (0, of):
        expected = (0, bound(errors, of)) if errors == 0 else (1 - bound(errors, of), 1)
    elif draws is None or len(draws) == 0:
        return
    else:
        expected = interval(draws)
    for end, value in zip(found["interval"], expected):
        case.same(f"{what}: interval", end, value, 1e-12)


def check_rates(case, what, found, sides, failed, threshold):
    """Rates of sides (genuine, impostor) at a threshold; failed comparisons are non-matches in FRR and FAR."""
    genuine, impostor = sides
    misses, alarms = int(np.sum(genuine < threshold)), int(np.sum(impostor >= threshold))
    share(case, f"{what}: FRR", found["frr"], misses + failed[0], len(genuine) + failed[0])
    share(case, f"{what}: FAR", found["far"], alarms, len(impostor) + failed[1])
    return misses, alarms


def check_verification(index, given, found):
    case = Case(f"evaluate {index}")
    sign = -1 if given["distance"] else 1
    scores = sign * np.array([np.nan if s is None else s for s in given["scores"]])
    labels = np.array(given["labels"])
    left_out = np.isin(np.arange(len(labels)), given["failed"])
    used = ~left_out

    def sides(members):
        return [scores[members & used & (labels == label)] for label in (1, 0)]

    def failures(members):
        return [int(np.sum(members & left_out & (labels == label))) for label in (1, 0)]

    everything = np.ones(len(labels), bool)
    genuine, impostor = sides(everything)
    measures = found["measures"]
    curve = points(genuine, impostor)
    case.same("EER", measures["eer"]["value"], diagonal(curve), 1e-15)
    case.same("EER of the hull", measures["eerHull"], diagonal(lower_hull(curve)), 1e-15)
    case.same("AUC", measures["auc"]["value"], auc(genuine, impostor))
    case.same("d'", measures["dPrime"], d_prime(genuine, impostor), 1e-12)
    case.same("minCllr", measures["minCllr"], min_cllr(genuine, impostor), 1e-12)
    targets = [t for t in given["fmr"] if len(impostor) * t >= 1 - 1e-9]
    fnmr_targets = [t for t in given["fnmr"] if len(genuine) * t >= 1 - 1e-9]
    thresholds = [at_fmr(genuine, impostor, t) for t in targets] + [at_fnmr(genuine, impostor, t) for t in fnmr_targets]
    # Draws of identities, or of comparisons where nobody says who is compared.
    rows = np.flatnonzero(used)
    first, second = (np.array(given[side], int)[rows] if given["identities"] else None for side in ("first", "second"))
    draws = [
        weighted(
            scores[rows],
            labels[rows],
            draw_weights(labels[rows], first, second, given["identities"], given["seed"], number),
            targets,
            thresholds,
        )
        for number in range(given["draws"])
    ]
    draws = np.array([draw for draw in draws if draw is not None]).reshape(-1, 2 + len(targets) + 2 * len(thresholds))
    for k, what in enumerate(["eer", "auc"]):
        if "interval" in measures[what] and measures[what]["value"] != 0:
            for end, value in zip(measures[what]["interval"], interval(draws[:, k])):
                case.same(f"{what}: interval", end, value, 1e-12)
    case.same("FMR targets", len(found["fnmrAtFmr"]), len(targets))
    case.same("FNMR targets", len(found["fmrAtFnmr"]), len(fnmr_targets))
    for k, (threshold, point) in enumerate(zip(thresholds, found["fnmrAtFmr"] + found["fmrAtFnmr"])):
        what = f"target {point['target']}"
        case.same(f"{what}: threshold", point["threshold"], float(sign * threshold))
        misses, alarms = check_rates(case, what, point, (genuine, impostor), failures(everything), threshold)
        fixed = 2 + len(targets) + 2 * k
        fnmr_column = 2 + k if k < len(targets) else fixed + 1
        share(case, f"{what}: FMR", point["fmr"], alarms, len(impostor), draws[:, fixed])
        share(case, f"{what}: FNMR", point["fnmr"], misses, len(genuine), draws[:, fnmr_column])
    # NIST's transfer: the threshold of plain-plain impostors holds for all kinds.
    masks = np.array(given["masks"])
    if "maskings" in found:
        plain = sides(masks == 0)
        threshold = next(
            t for t in all_thresholds(*plain) if rates(*plain, t)[0] <= given["plainFmr"]
        )
        kinds = [kind for kind in range(3) if np.any(masks == kind)]
        case.same("kinds of masking", len(found["maskings"]), len(kinds))
        for kind, part in zip(kinds, found["maskings"]):
            what = part["name"]
            case.same(f"{what}: threshold", part["threshold"], float(sign * threshold))
            g, i = sides(masks == kind)
            misses, alarms = check_rates(case, what, part, (g, i), failures(masks == kind), threshold)
            share(case, f"{what}: FMR", part["fmr"], alarms, len(i))
            share(case, f"{what}: FNMR", part["fnmr"], misses, len(g))


def check_cllr(index, given, found):
    llrs, labels = np.array(given["llrs"]), np.array(given["labels"])
    Case(f"cllr {index}").same("Cllr", found, cllr(llrs[labels == 1], llrs[labels == 0]), 1e-12)


def check_searches(case, found, mated, tops, rank, fpir, cmc_length):
    """`mated`: of each search the mate's score and how many other identities reach it; `tops`: of the others the best score."""
    for r in range(cmc_length):
        case.same(f"CMC {r + 1}", found["cmc"][r], sum(above <= r for _, above in mated) / len(mated))
    supported = [t for t in fpir if len(tops) * t >= 1 - 1e-9]
    case.same("FPIR targets", len(found["fnirAtFpir"]), len(supported))
    candidates = sorted(set(tops) | {score for score, _ in mated}) + [np.inf]
    for target, point in zip(supported, found["fnirAtFpir"]):
        threshold = next(t for t in candidates if sum(top >= t for top in tops) <= target * len(tops) + 1e-9)
        case.same(f"FPIR {target}: threshold", point["threshold"], float(threshold))
        alarms = sum(top >= threshold for top in tops)
        misses = sum(above >= rank or score < threshold for score, above in mated)
        share(case, f"FPIR {target}", point["fpir"], alarms, len(tops))
        share(case, f"FNIR at {target}", point["fnir"], misses, len(mated))


def check_identification(index, given, found):
    case = Case(f"identify {index}")
    probes, gallery = given["probes"], given["gallery"]
    matrix = np.array(given["matrix"]).reshape(len(probes), len(gallery))
    columns = {}
    for column, identity in enumerate(gallery):
        if given["photos"] == "all" or identity not in columns:
            columns.setdefault(identity, []).append(column)
    mated, tops = [], []
    for probe, row in zip(probes, matrix):
        best = {identity: max(row[of]) for identity, of in columns.items()}
        mate = best.pop(probe, None)
        if mate is None:
            tops.append(max(best.values()))
        else:
            mated.append((mate, sum(score >= mate for score in best.values())))
    case.same("enrolled", found["enrolled"], len(columns))
    case.same("mated", found["mated"], len(mated))
    case.same("non-mated", found["nonMated"], len(tops))
    check_searches(case, found, mated, tops, given["rank"], given["fpir"], len(columns))


def check_all_pairs(index, given, found):
    case = Case(f"score-all {index}")
    images = given["images"]
    vectors = np.array(given["vectors"], np.float32).reshape(len(images), -1)
    of_side = {
        "all": lambda image: True,
        "plain": lambda image: not image["masked"],
        "masked": lambda image: image["masked"],
    }
    probe_side, reference_side = ([i for i, image in enumerate(images) if of_side[side](image)] for side in given["sides"])
    low, high, bins = np.float32(given["low"]), np.float32(given["high"]), given["bins"]

    def similarity(a, b):
        if given["similarity"] == "cosine":
            return np.float32(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))
        distance = np.sqrt(np.sum((a - b) ** 2, dtype=np.float32))
        return -distance if given["similarity"] == "l2" else np.float32(1) / (np.float32(1) + distance)

    def bin_of(score):
        factor = np.float32(np.float32(bins) / np.float32(high - low))
        return int(np.clip(int((score - low) * factor), 0, bins - 1))

    genuine, impostor = [], []  # (score, identities)
    mates, others = {}, {}
    for probe in probe_side:
        for reference in reference_side:
            if given["within"] and reference == probe:
                continue
            a, b = images[probe], images[reference]
            score = similarity(vectors[probe], vectors[reference])
            if a["identity"] != b["identity"]:
                best = others.setdefault(probe, {})
                best[b["identity"]] = max(best.get(b["identity"], -np.inf), score)
            elif a["photo"] != b["photo"]:
                mates[probe] = max(mates.get(probe, -np.inf), score)
            if given["within"] and reference < probe:
                continue
            if a["identity"] != b["identity"]:
                impostor.append((score, a["identity"], b["identity"]))
            elif a["photo"] != b["photo"]:
                genuine.append((score, a["identity"]))
    case.same("genuine", found["genuine"], len(genuine))
    case.same("impostors", found["impostors"], len(impostor))
    genuine_bins = np.array([bin_of(score) for score, _ in genuine], int)
    impostor_bins = np.array([bin_of(score) for score, _, _ in impostor], int)
    width = (float(high) - float(low)) / bins
    edges = [(int(np.sum(impostor_bins >= e)), int(np.sum(genuine_bins < e))) for e in range(bins + 1)]

    def at_edge(what, point, edge):
        alarms, misses = edges[edge]
        case.same(f"{what}: threshold", point["threshold"], float(low) + edge * width)
        case.same(f"{what}: FMR", point["fmr"], alarms / len(impostor) if impostor else None)
        case.same(f"{what}: FNMR", point["fnmr"], misses / len(genuine) if genuine else None)

    if not genuine or not impostor:
        for what in ("eer", "auc", "dPrime"):
            case.same(what, found[what], None)
    else:
        curve = [(Fraction(a, len(impostor)), Fraction(m, len(genuine))) for a, m in edges]
        case.same("EER", found["eer"]["value"], diagonal(curve), 1e-15)
        case.same("AUC", found["auc"], auc(genuine_bins, impostor_bins), 1e-12)
        middles = float(low) + (impostor_bins + 0.5) * width
        own = np.array([score for score, _ in genuine], np.float64)
        pooled = np.sqrt((np.var(middles) + np.var(own)) / 2)
        expected = abs(np.mean(own) - np.mean(middles)) / pooled if pooled >= width else None
        case.same("d'", found["dPrime"], expected, 1e-12)
    supported = [t for t in given["fmr"] if t * len(impostor) >= 1 - 1e-9]
    case.same("FMR targets", len(found["fnmrAtFmr"]), len(supported))
    for target, point in zip(supported, found["fnmrAtFmr"]):
        edge = next(e for e, (alarms, _) in enumerate(edges) if alarms / len(impostor) <= target)
        at_edge(f"FMR {target}", point["at"], edge)
        if edge > 0:
            at_edge(f"FMR {target}: below", point["below"], edge - 1)
        check_jackknife(case, given, point, edge, target, edges, genuine, impostor, genuine_bins, impostor_bins)
    if genuine:
        for target, point in zip(given["fnmr"], found["fmrAtFnmr"]):
            at_edge(f"FNMR {target}", point["at"], [e for e, (_, m) in enumerate(edges) if m / len(genuine) <= target][-1])
    searches = found.get("identification")
    case.same("searches", searches is not None, len(mates) > 0)
    if searches:
        mated = [
            (float(mate), sum(score >= mate for score in others.get(probe, {}).values())) for probe, mate in mates.items()
        ]
        tops = [float(max(best.values())) for best in others.values()]
        identities = {images[i]["identity"] for i in probe_side + reference_side}
        check_searches(case, searches, mated, tops, given["rank"], given["fpir"], min(100, len(identities)))


def check_jackknife(case, given, point, edge, target, edges, genuine, impostor, genuine_bins, impostor_bins):
    """Each identity left out in turn, counted anew; thresholds are edges of the tail's bins."""
    if edge < given["tailBin"] or given["tailBin"] == given["bins"]:
        return
    tail = [min(given["bins"], given["tailBin"] + t * given["tailWidth"]) for t in range(513)]
    fixed = tail[min(511, (edge - given["tailBin"]) // given["tailWidth"])]
    fmrs, fnmrs = [], []
    for identity in given["identities"]:
        kept = np.array([identity not in pair for _, *pair in impostor])
        if not kept.any():
            continue
        others = impostor_bins[kept]
        fmrs.append(np.sum(others >= fixed) / len(others))
        own = np.array([who != identity for _, who in genuine], bool)
        if not own.any():
            continue
        recomputed = tail[512]
        for t in reversed(tail[:512]):
            if np.sum(others >= t) / len(others) > target:
                break
            recomputed = t
        fnmrs.append(np.mean(genuine_bins[own] < recomputed))
    alarms, misses = edges[edge]
    for what, values, centre in (
        ("fmr", fmrs, alarms / len(impostor)),
        ("fnmr", fnmrs, misses / len(genuine) if genuine else np.nan),
    ):
        case.same(f"{what}: interval is there", "interval" in point[what], len(set(values)) > 1)
        if len(set(values)) < 2:
            continue
        reach = 1.96 * np.sqrt((len(values) - 1) / len(values) * np.sum((np.array(values) - np.mean(values)) ** 2))
        for end, value in zip(point[what]["interval"], (max(0.0, centre - reach), min(1.0, centre + reach))):
            case.same(f"FMR {target}: jackknife of {what}", end, value, 1e-12)


checks = {
    "evaluate": check_verification,
    "cllr": check_cllr,
    "identify": check_identification,
    "score-all": check_all_pairs,
}
for number, item in enumerate(data):  # noqa: F821 (from standard input)
    checks[item["kind"]](number, item["given"], item["found"])
print(json.dumps(problems))  # noqa: F821
