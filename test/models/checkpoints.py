# Writes checkpoints as torch.save does, by Python's own pickle: modules and classes of PyTorch are stood in for by name.
import argparse, collections, json, pickle, random, sys, types, zipfile

data = json.load(sys.stdin)


def stand_in(module, name, value=None):
    """Something that is pickled as `module.name`."""
    for part in [".".join(module.split(".")[: i + 1]) for i in range(module.count(".") + 1)]:
        sys.modules.setdefault(part, types.ModuleType(part))
    if hasattr(sys.modules[module], name):
        return getattr(sys.modules[module], name)
    if value is None:
        value = type(name, (), {})
    value.__module__, value.__qualname__, value.__name__ = module, name, name
    setattr(sys.modules[module], name, value)
    return value


def called(module, name, *args):
    """Something that is pickled as the call module.name(*args)."""
    function = stand_in(module, name, lambda *_: None)
    return type("Called", (), {"__reduce__": lambda self: (function, args)})()


class Storage:
    def __init__(self, key, kind, count):
        self.key, self.kind, self.count = key, kind, count


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", stand_in("torch", value.kind), value.key, "cpu", value.count)


def strides(shape):
    steps = [1]
    for size in reversed(shape[1:]):
        steps.insert(0, steps[0] * size)
    return tuple(steps[: len(shape)])


greatest = max([4096] + [product for product in data["counts"]])
storages = {"0": ("FloatStorage", greatest)}


def tensor(shape, key="0", rebuild="_rebuild_tensor_v2", kind="FloatStorage", count=greatest):
    storages[key] = (kind, count)
    args = (Storage(key, kind, count), 0, tuple(shape), strides(shape), False, collections.OrderedDict())
    return called("torch._utils", rebuild, *args)


def parameter(shape):
    return called("torch._utils", "_rebuild_parameter", tensor(shape), True, collections.OrderedDict())


def subclass(shape):
    function = stand_in("torch._utils", "_rebuild_tensor_v2", lambda *_: None)
    args = (Storage("0", "FloatStorage", greatest), 0, tuple(shape), strides(shape), False, collections.OrderedDict())
    return called("torch._tensor", "_rebuild_from_type_v2", function, stand_in("torch", "Tensor"), args, {"a": 1})


def state(prefix="", make=tensor):
    made = collections.OrderedDict((prefix + name, make(shape)) for name, shape in data["names"])
    made._metadata = collections.OrderedDict([("", {"version": 1})])
    return made


def inert():
    import numpy

    torch = lambda name, *args: called("torch", name, *args)
    return {
        "args": argparse.Namespace(lr=0.1, out=None, layers=[1, 2]),
        "device": torch("device", "cuda", 0),
        "dtype": stand_in("torch", "float32"),
        "size": torch("Size", (1, 2)),
        "sets": [{1, 2}, frozenset([3]), set()],
        "counts": collections.defaultdict(list, {"a": [1]}),
        "counter": collections.Counter({30: 1}),
        "numbers": [1j, 2**200, -(2**63), 1e-9, True, None],
        "bytes": [b"\x00\xff", bytearray(b"ab")],
        "numpy": [numpy.float64(3.5), numpy.int64(4), numpy.arange(3), numpy.dtype("f4"), numpy.bool_(True)],
        "layout": called("torch.serialization", "_get_layout", "torch.strided"),
        "quantised": called("torch._utils", "_rebuild_qtensor", 1),
        "complex": tensor([2], "c", kind="ComplexFloatStorage", count=2),
        "random": [random.getstate(), numpy.random.get_state(), numpy.random.default_rng(1).bit_generator.state],
        "rng_state": tensor([16], "r", kind="ByteStorage", count=16),
    }


cases = {
    "imagenet": lambda: {
        "epoch": 3,
        "arch": "resnet18",
        "state_dict": state("module."),
        "best_acc1": tensor([]),
        "optimizer": {"state": {0: {"momentum_buffer": tensor([64, 3, 7, 7])}}, "param_groups": [{"params": [0]}]},
        "scheduler": {"milestones": collections.Counter({30: 1, 60: 1}), "gamma": 0.1},
    },
    "inert": lambda: {**inert(), "network": state(make=parameter)},
    "compiled": lambda: state("_orig_mod.module.", make=subclass),
    "lightning": lambda: {
        "state_dict": {**state("model."), "criterion.weight": tensor([8])},
        "hyper_parameters": {"lr": 0.1},
    },
    "two": lambda: {"model": state(), "ema": state("module.")},
    "pair": lambda: {"state_dict": {**state("student.backbone."), **state("teacher.backbone.")}},
    "contrast": lambda: {"state_dict": {**state("module.encoder_q."), **state("module.encoder_k.")}},
    "partial": lambda: {"a": {"x": tensor([2])}, "b": {"y": tensor([2]), "z": tensor([3])}},
    "code": lambda: {**inert(), "hook": called("posix", "system", "true"), "network": state()},
}
with open(data["file"] + ".pkl", "wb") as out:
    Pickler(out, protocol=data.get("protocol", 2)).dump(cases[data["case"]]())
sizes = {"FloatStorage": 4, "ByteStorage": 1, "ComplexFloatStorage": 8}
with zipfile.ZipFile(data["file"], "w") as archive, open(data["file"] + ".pkl", "rb") as pickled:
    archive.writestr("archive/data.pkl", pickled.read())
    for key, (kind, count) in storages.items():
        archive.writestr(f"archive/data/{key}", bytes(count * sizes[kind]))
print("{}")
