"""The bodies of the operators of an attention decoder; a graph contains one node for each step."""

import onnx

from spotter.ops.interface import ATTENTION_STEP, FORWARD_STEP
from spotter.ops.script import Tensor, body, op

IMPOSSIBLE = -1e9
"""The log probability of an impossible event, as in `spotter.model.ctc`."""


@body(ATTENTION_STEP)
def _attention_step(
    given: Tensor,
    last: Tensor,
    state: Tensor,
    encoded: Tensor,
    keys: Tensor,
    beyond: Tensor,
    columns: Tensor,
    inputs: Tensor,
    recurrent: Tensor,
    recurrent_bias: Tensor,
    join: Tensor,
    join_bias: Tensor,
    classify: Tensor,
    classify_bias: Tensor,
    step: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One step of `spotter.model.attention.AttentionDecoder.write`, with the same names and shapes: given int64
    [N, H, L]; last int64 [N, H]; state [N, H, D]; encoded [N, W, D]; keys [N, D, W]; beyond [N, 1, W]; columns [W];
    and the constants inputs [classes, 3 D], the input's part of the GRU's gates for each character, recurrent [D, 3 D],
    join [2 D, D] and classify [D, classes] with their biases -> the class int64 [N, H], the state [N, H, D], the log
    probabilities [N, H, classes] and the mean column [N, H] that was looked at. The attribute `step` counts from 0."""
    reset, update, new = op.Split(op.Gather(inputs, last, axis=0), axis=2, num_outputs=3)
    r, z, n = op.Split(state @ recurrent + recurrent_bias, axis=2, num_outputs=3)
    candidate = op.Tanh(new + op.Sigmoid(reset + r) * n)
    next_state = candidate + op.Sigmoid(update + z) * (state - candidate)
    weights = op.Softmax(next_state @ keys + beyond, axis=-1)
    joined = op.Tanh(op.Concat(next_state, weights @ encoded, axis=2) @ join + join_bias)
    logits = joined @ classify + classify_bias
    log_probabilities = op.LogSoftmax(logits, axis=-1)
    wanted = op.Gather(given, op.Constant(value_int=step), axis=2)
    chosen = op.Where(wanted < op.Constant(value_int=0), op.ArgMax(logits, axis=-1, keepdims=0), wanted)
    place = op.ReduceSum(weights * columns, op.Constant(value_ints=[-1]), keepdims=0)
    return chosen, next_state, log_probabilities, place


@body(FORWARD_STEP)
def _forward_step(score: Tensor, emitted: Tensor, inside: Tensor, leap: Tensor, column: int) -> Tensor:
    """One step of the forward algorithm, `spotter.model.ctc.forward_step`, with the same names and shapes: score
    [N, H, S]; emitted [T, N, H, S]; inside bool [T, N, 1, 1]; leap [N, H, S] -> the score after the column, an
    attribute that counts from 0."""
    here, at_0, at_2 = op.Constant(value_int=column), op.Constant(value_ints=[0]), op.Constant(value_ints=[2])
    at_1, minus_1, minus_2 = op.Constant(value_ints=[1]), op.Constant(value_ints=[-1]), op.Constant(value_ints=[-2])
    impossible = op.Constant(value_float=IMPOSSIBLE)
    moved = op.Pad(score, op.Constant(value_ints=[0, 0, 2, 0, 0, 0]), impossible)
    one = op.Slice(moved, at_1, minus_1, at_2)
    two = op.Slice(moved, at_0, minus_2, at_2) + leap
    ways = op.Concat(op.Unsqueeze(score, at_0), op.Unsqueeze(one, at_0), op.Unsqueeze(two, at_0), axis=0)
    reached = op.ReduceLogSumExp(ways, at_0, keepdims=0) + op.Gather(emitted, here, axis=0)
    after = op.Where(op.Gather(inside, here, axis=0), reached, score)
    return after


BODIES: tuple[onnx.FunctionProto, ...] = (_attention_step, _forward_step)
