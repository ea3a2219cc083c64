"""Models by class or function, made ready for conversion; every way in which that can go wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from loading_support import MODELS, failure, load, notice

pytestmark = [
    pytest.mark.usefixtures("clean_imports"),
    pytest.mark.filterwarnings("ignore:Lazy modules"),
]


@pytest.mark.parametrize("model", ["nets.py:TinyNet", "nets:TinyNet", "nets.py:make", "nets.py:Registry.build"])
def test_class_or_function_of_a_file_or_module(model: str) -> None:
    loaded = load(model)
    assert type(loaded.module).__name__ == "TinyNet"
    assert loaded.notices == ()


def test_module_below_src_and_in_a_package(tmp_path: Path) -> None:
    shutil.copytree(MODELS / "package", tmp_path / "src" / "package")
    assert type(load("package.net:Net", tmp_path).module).__module__ == "package.net"


def test_arguments_by_name_and_by_position() -> None:
    assert load("nets.py:make", model_args={"classes": 7, "width": 2}).module.get_submodule("head").out_features == 7
    assert load("nets.py:TinyNet", model_args=[5, 6]).module.get_submodule("head").weight.shape == (5, 6)


def test_arguments_that_do_not_fit_show_the_signature() -> None:
    error = failure("nets.py:make", model_args={"class": 7})
    assert "nets.py:make cannot be called with these model-args: got an unexpected keyword argument" in error.message
    assert "did you mean 'classes'?" in error.message
    assert "(classes: int = 3, *, width: int = 4)" in error.advice


def test_a_model_that_the_module_has_made_is_taken_as_it_is() -> None:
    assert type(load("nets.py:ready").module).__name__ == "TinyNet"
    assert "is a nets.TinyNet, not a class or function" in failure("nets.py:ready", model_args={"classes": 2}).message


def test_siblings_can_be_imported_by_their_plain_name(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("sibling.py", "nets.py"):
        shutil.copy(MODELS / name, tmp_path / "deep" / name)
    assert type(load("deep/sibling.py:Net", tmp_path).module).__name__ == "Net"


@pytest.mark.parametrize("model", ["package/net.py:Net", "plain_folder/net.py:Net"])
def test_relative_imports_work_with_and_without_init(model: str) -> None:
    module = load(model).module
    assert type(module).__module__.endswith(".net") or isinstance(module, torch.nn.Identity)


def test_relative_import_without_a_package_is_explained() -> None:
    error = failure("relative_alone.py:Net")
    assert "relative_alone.py:3: ImportError: attempted relative import with no known parent package" in error.message
    assert "A relative import needs a package" in error.advice


@pytest.mark.parametrize(
    ("file", "name"), [("nets.py", "nets"), ("my-net.py", "my_net"), ("types.py", "types_"), ("sibling.py", "sibling")]
)
def test_qualified_names_tell_no_path(file: str, name: str) -> None:
    loaded = load(f"{file}:{'TinyNet' if file == 'nets.py' else 'Net'}")
    assert type(loaded.module).__module__ == name
    scripted = torch.jit.script(loaded.module)
    assert scripted._c._type().qualified_name().startswith(f"__torch__.{name}.")


def test_users_files_shadow_nothing_that_is_imported(tmp_path: Path) -> None:
    for name in ("torch", "json", "ptmobile"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('shadowed')")
    shutil.copy(MODELS / "nets.py", tmp_path)
    assert type(load("nets.py:TinyNet", tmp_path).module).__name__ == "TinyNet"
    assert "torch.py:1: RuntimeError: shadowed" in failure("torch.py:Net", tmp_path).message
    assert torch.__name__ == "torch"


def test_a_factory_may_return_torchscript() -> None:
    assert load("nets.py:scripted").is_torchscript


def test_data_parallel_is_taken_off() -> None:
    loaded = load("nets.py:parallel")
    assert type(loaded.module).__name__ == "TinyNet"
    assert "DataParallel" in notice(loaded, "data-parallel")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("factory_raises.py:make", "failed: factory_raises.py:9 in _inner: ValueError: the width must be positive"),
        ("factory_raises:make", "failed: factory_raises.py:9 in _inner: ValueError: the width must be positive"),
        ("factory_raises.py:inside_torch", "failed: factory_raises.py:17 in inside_torch: RuntimeError: "),
        ("factory_raises.py:exits", "factory_raises.py:21 in exits: SystemExit: it ended the program with 3"),
        ("factory_raises.py:exits_with_success", "SystemExit: it ended the program with None"),
        ("factory_raises.py:interrupts", "factory_raises.py:29 in interrupts: KeyboardInterrupt"),
        ("factory_raises.py:unprintable", "Odd: (its text cannot be shown)"),
        ("factory_raises.py:recursive", "factory_raises.py:45 in recursive: RecursionError: maximum recursion"),
        ("factory_raises.py:Constructor", "factory_raises.py:51 in Constructor.__init__: KeyError: 'size'"),
        (
            "import_raises.py:Net",
            "Importing import_raises.py failed: import_raises.py:5: RuntimeError: no licence file",
        ),
        (
            "import_raises:Net",
            "Importing import_raises failed: import_raises.py:5: RuntimeError: no licence file found",
        ),
        ("import_exits.py:Net", "import_exits.py:6: SystemExit: it ended the program with 2"),
        ("syntax_error.py:Net", "Importing syntax_error.py failed: syntax_error.py:6: SyntaxError: expected ':'"),
        ("syntax_error:Net", "Importing syntax_error failed: syntax_error.py:6: SyntaxError: expected ':'"),
        ("missing_dependency.py:Net", "missing_dependency.py:3: ModuleNotFoundError: No module named 'a_package_nob"),
        ("missing_dependency:Net", "missing_dependency.py:3: ModuleNotFoundError: No module named 'a_package_nobody"),
        ("netz:TinyNet", "There is no module 'netz' in the workspace, nor an installed one; did you mean 'nets'?"),
        ("package.nett:Net", "There is no module 'package.nett' in the workspace, nor an installed one; did you mean"),
        ("nets.py:TinyNett", "nets.py has no 'TinyNett'; did you mean 'TinyNet'?; there is: "),
        ("nets:Registry.bild", "nets has no 'Registry.bild'; did you mean 'build'?"),
        ("nets.py:number", "nets.py:number is an int, not a class or function that makes a model"),
        ("returns_dict.py:make", "returns_dict.py:make returned a collections.OrderedDict of length 2, not a torch.nn"),
        ("returns_dict.py:nothing", "returned None, not a torch.nn.Module\nDoes the function lack a return?"),
        ("returns_dict.py:a_class", "returned the class Identity, not a torch.nn.Module"),
        ("returns_dict.py:a_tuple", "returned a tuple of length 2, not a torch.nn.Module\nThere is a model among"),
        ("returns_dict.py:a_function", "returned a torch.jit.ScriptFunction, not a torch.nn.Module"),
        ("returns_dict.py:later", "returned a coroutine, not a torch.nn.Module\nThe function is asynchronous"),
        ("returns_dict.py:a_number", "returned an int, not a torch.nn.Module"),
        ("nowhere.py:Net", "nowhere.py cannot be read: No such file or directory"),
    ],
)
def test_what_a_factory_does_wrong_is_told_with_its_place(model: str, message: str) -> None:
    assert message in str(failure(model))


def test_the_place_is_the_users_file_also_if_the_process_runs_in_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(MODELS)
    assert "failed: missing_dependency.py:3: ModuleNotFoundError" in failure("missing_dependency:Net").message


def test_a_long_text_of_an_exception_is_cut() -> None:
    assert len(str(failure("factory_raises.py:endless_text"))) < 2500


def test_the_list_of_what_there_is_begins_with_the_files_own_models() -> None:
    assert "there is: Dropping, FrozenNorm, RenamesOldKeys, Stateless, TinyNet, Wrapped" in failure("nets.py:X").message


@pytest.mark.parametrize("name", ["TinyNet", "Stateless", "Dropping", "FrozenNorm", "Wrapped"])
def test_eval_is_always_called(name: str) -> None:
    module = load(f"nets.py:{name}").module
    assert not any(part.training for part in module.modules())
    assert not any(parameter.requires_grad for parameter in module.parameters())
    if name == "Dropping":
        assert torch.equal(module(torch.ones(1000)), torch.ones(1000))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("TrainOnly", "eval() of the model failed: train_only.py:9 in TrainOnly.eval: NotImplementedError: this netw"),
        ("IgnoresEval", "The model stays in training mode after eval(): the model (IgnoresEval), dropout (Dropout)"),
        ("ForgetsChildren", "The model stays in training mode after eval(): norm (BatchNorm1d)"),
    ],
)
def test_models_that_only_train_are_refused(name: str, message: str) -> None:
    assert message in failure(f"train_only.py:{name}").message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Meta", "The model has parameters without values, on the meta device: head.weight, head.bias"),
        ("Lazy", "The model has lazy parameters that have no shape yet: head.weight, head.bias"),
        ("NoSuperInit", "NoSuperInit is not initialised as a module"),
    ],
)
def test_models_that_are_not_built_to_the_end_are_refused(name: str, message: str) -> None:
    assert message in failure(f"unusual_tensors.py:{name}").message


def test_lazy_parameters_are_given_shape_by_the_checkpoint(tmp_path: Path) -> None:
    shutil.copy(MODELS / "unusual_tensors.py", tmp_path)
    torch.save({"head.weight": torch.ones(2, 3), "head.bias": torch.ones(2)}, tmp_path / "weights.pt")
    loaded = load("unusual_tensors.py:Lazy", tmp_path, weights="weights.pt")
    assert loaded.module.get_submodule("head").weight.shape == (2, 3)


@pytest.mark.parametrize("name", ["inference_mode", "weight_norm"])
def test_unusual_but_usable_models(name: str) -> None:
    module = load(f"unusual_tensors.py:{name}").module
    assert module(torch.ones(1, 2)).shape == (1, 2)
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_without_gradients_tracing_and_scripting_give_the_same_results() -> None:
    module, twin = (load("nets.py:TinyNet", seed=3).module for _ in range(2))
    twin.requires_grad_(True)
    image = torch.randn(2, 3, 9, 9)
    for convert in (torch.jit.script, lambda m: torch.jit.trace(m, image, check_trace=False)):
        assert torch.equal(convert(module)(image), convert(twin)(image))


def test_a_model_without_a_form_that_we_know_is_a_load_error() -> None:
    assert "is none of the allowed forms" in failure("model.onnx").message
