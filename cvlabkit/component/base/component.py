"""What every base class shares: missing methods come from the thing that a component holds.

A component may implement its base class, or keep an instance of what it stands for (a torch optimizer, say) in any
attribute.
"""

from __future__ import annotations

from typing import Any, ClassVar


class _Checked(type):
    """A component can do what its base class promises, by itself or by what it holds; else it is not made."""

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        made = super().__call__(*arguments, **options)
        missing = [name for name in cls.operations if not _can(made, name)]  # type: ignore[attr-defined]
        if missing:
            raise TypeError(
                f"{cls.__name__} has no {', '.join(missing)}; write it, or keep an object that has it in an attribute."
            )
        return made


class Component(metaclass=_Checked):
    """Base of the base classes.

    Attributes:
        operations: Methods that every component of the category must have.
    """

    operations: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *_arguments: Any) -> None:
        """Takes what every component is given, and needs none of it."""
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        inherited = getattr(super(), "__getattr__", None)
        if inherited is not None:
            # A torch module looks for its own parts.
            return inherited(name)
        if not name.startswith("__"):
            for held in _held_by(self):
                if hasattr(held, name):
                    return getattr(held, name)
        raise AttributeError(f"{type(self).__name__} has no {name!r}, and nothing that it holds has.")


def delegated(name: str) -> Any:
    """A special method that is taken from another parent, or from what the component holds: Python asks the class."""

    def call(self: Component, *arguments: Any, **options: Any) -> Any:
        own = _own(type(self), name)
        if own is not None:
            return own(self, *arguments, **options)
        for held in _held_by(self):
            if hasattr(type(held), name):
                return getattr(held, name)(*arguments, **options)
        raise TypeError(f"{type(self).__name__} has no {name}, and nothing that it holds has.")

    call.__name__ = name
    call.is_delegated = True  # type: ignore[attr-defined]
    return call


def _can(made: Any, name: str) -> bool:
    return _own(type(made), name) is not None or any(hasattr(held, name) for held in _held_by(made))


def _own(kind: type, name: str) -> Any:
    """The method as the first parent has it that does not pass it on."""
    found = (vars(each)[name] for each in kind.__mro__ if name in vars(each))
    return next((method for method in found if not getattr(method, "is_delegated", False)), None)


def _held_by(made: Any) -> list[Any]:
    """What a component holds, without its config: that has names of its own for everything."""
    return [held for held in vars(made).values() if not getattr(type(held), "is_config", False)]
