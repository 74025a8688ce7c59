"""The course of a training, and its plot."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from napari_shiftseg.report.figures_of_merit import write_csv
from napari_shiftseg.report.plots import draw_training, training_table
from napari_shiftseg.training.step import MOST_POINTS, Course, TrainingStep
from napari_shiftseg.training.validation import Validated


def course(steps: int) -> Course:
    """A course whose pull falls from 1 to 0, validated every tenth step."""
    made = Course()
    for done in range(1, steps + 1):
        terms = {"pull": 1 - done / steps, "push": 0.5, "reg": 9.0}
        found = Validated(done / steps, np.zeros((2, 2))) if done % 10 == 0 else None
        made.add(TrainingStep(done, steps, 1.0, terms, found))
    return made


def test_a_short_course_is_shown_as_it_was():
    steps, values = course(20).curve("pull")
    assert steps == list(range(1, 21))
    assert values == pytest.approx([1 - n / 20 for n in range(1, 21)])
    assert course(20).ap50 == {10: 0.5, 20: 1.0}


def test_a_long_course_is_shown_by_means():
    steps, values = course(1001).curve("pull")
    assert len(steps) == len(values) <= MOST_POINTS
    assert steps[0] == np.mean(range(1, 7))
    assert values == pytest.approx([1 - n / 1001 for n in steps])


def test_what_is_drawn():
    figure = Figure()
    draw_training(figure, course(30))
    loss, score = figure.axes
    assert [line.get_label() for line in loss.lines] == ["pull", "push"]
    assert loss.get_ylim()[1] < 2  # the regularisation is not shown
    assert score.lines[0].get_xydata().tolist() == [[10, 1 / 3], [20, 2 / 3], [30, 1]]
    draw_training(figure, Course())
    assert [len(line.get_xydata()) for line in figure.axes[1].lines] == [0]


@pytest.mark.parametrize("before", [0.25, 0.9])
def test_what_the_training_began_with_is_drawn_and_written(before):
    made, figure = course(30), Figure()
    made.before = before
    draw_training(figure, made)
    _, score = figure.axes
    (line,) = [line for line in score.lines if line.get_label() == "before"]
    assert list(line.get_ydata()) == [before, before]
    (words,) = score.texts
    assert words.get_text() == f"before: {before:.2f}"
    assert training_table(made).rows[:2] == (
        (0, None, None, None, before),
        training_table(course(30)).rows[0],
    )


def test_first_losses_out_of_proportion_do_not_flatten_the_rest():
    made = Course()
    for done in range(1, 101):
        terms = {"pull": 1000.0 if done < 4 else 1.0}
        made.add(TrainingStep(done, 100, 1.0, terms))
    figure = Figure()
    draw_training(figure, made)
    assert figure.axes[0].get_ylim()[1] == pytest.approx(1.1)


def test_the_table(tmp_path):
    table = training_table(course(10))
    assert table.header == ("step", "pull", "push", "reg", "ap50")
    assert table.rows[0] == (1, 0.9, 0.5, 9.0, None)
    assert table.rows[-1] == (10, 0.0, 0.5, 9.0, 1.0)
    write_csv(tmp_path / "course.csv", table)
    assert (tmp_path / "course.csv").read_text().splitlines()[1] == "1,0.9,0.5,9.0,"
