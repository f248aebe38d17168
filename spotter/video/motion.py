"""Predicts the motion of a word from frame to frame by a Kalman filter with constant velocity.

As in SORT (Bewley, Ge, Ott, Ramos, Upcroft: Simple online and realtime tracking, ICIP 2016) and, for noise in parts of
the height, DeepSORT (Wojke, Bewley, Paulus, ICIP 2017). The filter itself is OpenCV's.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_PLACE, _PLACE_NOISE = 1 / 10, 1 / 20
"""In multiples of the height: standard deviation of a measured centre or height, and of the process noise of these in
each step."""
_FIRST_VELOCITY, _VELOCITY_NOISE = 2.0, 1 / 4
"""In multiples of the height per step: standard deviation of the velocity of a word seen once, and of its change in
each step. They are larger than in DeepSORT, since a word moves further between sampled frames than between all
frames."""


class Motion:
    """The state of one word: x and y of the centre, the height, and their velocities per step; in pixels."""

    def __init__(self, polygon: NDArray[np.float64]) -> None:
        """polygon: [P, 2], top edge first, of the first detection."""
        self._seen = polygon
        middle, height = placed(polygon)
        self._filter = cv2.KalmanFilter(6, 3, 0, cv2.CV_64F)
        self._filter.measurementMatrix = np.eye(3, 6)
        self._filter.statePost = np.array([[*middle, height, 0, 0, 0]]).T
        deviations = np.repeat([2 * _PLACE, _FIRST_VELOCITY], 3) * height
        self._filter.errorCovPost = np.diag(deviations**2)
        self._filter.statePre, self._filter.errorCovPre = self._filter.statePost, self._filter.errorCovPost

    def predict(self, steps: float) -> None:
        """Predicts the state after `steps` steps, above 0."""
        transition = np.eye(6)
        transition[:3, 3:] = steps * np.eye(3)
        self._filter.transitionMatrix = transition
        deviations = np.repeat([_PLACE_NOISE, _VELOCITY_NOISE], 3) * self._height
        self._filter.processNoiseCov = np.diag(deviations**2) * steps
        self._filter.predict()

    def correct(self, polygon: NDArray[np.float64]) -> None:
        """Updates the state with a detection, polygon [P, 2]."""
        self._seen = polygon
        middle, height = placed(polygon)
        self._filter.measurementNoiseCov = self._noise
        self._filter.correct(np.array([[*middle, height]]).T)

    def stay(self) -> None:
        """Resets the state to the last detection."""
        self.correct(self._seen)

    @property
    def polygon(self) -> NDArray[np.float64]:
        """[P, 2]: the last detected polygon, moved and scaled to the predicted state."""
        middle, height = placed(self._seen)
        expected = self._filter.statePost[:2, 0]
        return np.asarray((self._seen - middle) * (self._height / height) + expected, np.float64)

    def distances(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 [N]: squared Mahalanobis distances of detections [N, 3] (x and y of the centre, height) from the
        predicted one."""
        apart = places - self._filter.statePost[:3, 0]
        spread = self._filter.errorCovPost[:3, :3] + self._noise
        return np.asarray(np.einsum("ni,ij,nj->n", apart, np.linalg.inv(spread), apart), np.float64)

    @property
    def _height(self) -> float:
        return max(1.0, float(self._filter.statePost[2, 0]))

    @property
    def _noise(self) -> NDArray[np.float64]:
        return np.eye(3) * (_PLACE * self._height) ** 2


def placed(polygon: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre [2] and height, at least 1, of a polygon [P, 2] whose top edge comes first."""
    half = len(polygon) // 2
    across = np.linalg.norm(polygon[half:][::-1] - polygon[:half], axis=1)
    return polygon.mean(0), max(1.0, float(across.mean()))
