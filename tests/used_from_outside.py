"""Names that vulture takes for dead code, since only notebooks, frameworks or other programs use them.

vulture reads this file as one more use of each name; nothing imports it.
"""

# ruff: noqa: B018, F821

# Notebooks and checks import these, see lecture_utils/__init__.py and lecture_utils/grading/__init__.py.
load_dataset, seed_everything, is_full, Timer, plot_graph, plot_gpu_hierarchy, plot_network, plot_history
plot_predictions, plot_confusion_matrix, draw_digit, quiz, hand_in, require_version
VERMILION, GREEN, PURPLE, SKY, ORANGE
explore, explorers.learning_rate, explorers.secant, explorers.broadcasting, explorers.convolution
explorers.reduction, explorers.strides, explorers.warps, plot_matmul_times, plot_unrolled, plot_cells, load_text
explorers.padding_and_stride, explorers.memory, explorers.gates, explorers.augmentation, explorers.decision_boundary
explorers.generated_curves, explorers.temperature, explorers.backward_steps, explorers.valley, SlowDisk
add_printed, on_paper, nudge, put_under_load
student.define, module.train_steps  # for checks of an instructor

# Python, IPython, ipywidgets, Jupyter, torchvision, papermill and uvicorn call or read these.
module.__getattr__, module.__dir__, thing._repr_html_
shell.encoding, shell.publish, shell.write_output_prompt, shell.write_format_data, shell._showtraceback, shell.ask_exit
shell.enabled, shell.colors, shell.xmode, shell.starting_dir, md_dict, etype, exception
WarmProvisioner.pgid, engine.execute_managed_notebook, folder.find_classes, cycle.disconnected, protocol.eof_received
Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
leave, tempfile.tempdir, sys.dont_write_bytecode, process.authkey, frame.f_trace
grade.needs_manual_grade, answer.probability, limits.disk_mb, cell_index
