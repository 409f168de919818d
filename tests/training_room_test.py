"""What is more than the memory is refused before it is asked for."""

import jax
import numpy as np
import pytest

from metainr.errors import UserError
from metainr.signals.access import SPLITS, checked_access
from metainr.training.room import check_signals, check_weights


def test_weights_with_keys_beside_them():
    key = jax.eval_shape(lambda: jax.random.key(0))
    check_weights({"a": jax.ShapeDtypeStruct((3, 3), np.float32), "key": key})
    with pytest.raises(UserError, match="weights need 3.52e.* smaller width or depth or table"):
        check_weights({"a": jax.ShapeDtypeStruct((2**43,), np.float32), "key": key})


def test_signals_as_many_as_there_are():
    signals = checked_access(dict.fromkeys(SPLITS, 2**30), lambda *_: np.zeros((100, 100, 3)))
    check_signals(signals, "test", 10, "num_test")
    with pytest.raises(UserError, match="1073741824 test signals need .* resolution or num_test"):
        check_signals(signals, "test", 2**40, "num_test")
    check_signals(signals._replace(sizes=dict.fromkeys(SPLITS, 0)), "test", 2**40, "num_test")
