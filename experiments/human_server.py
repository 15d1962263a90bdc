"""The server of an experiment with people, for a laboratory.

    python experiments/human_server.py --experiment_dir=runs/human
    python experiments/human_server.py --experiment_dir=runs/human --host=0.0.0.0

Shows the page that human_experiment.py has made, gives every participant a number of their own,
and keeps their response files in the experiment's folder, where human_analysis.py looks for them.
Only this machine reaches it unless --host says otherwise. Ctrl-C ends it.
"""

from absl import flags

from shared import paths, script

flags.DEFINE_string("experiment_dir", "runs/human", "Folder of the experiment.")
flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0 for the whole network.")
flags.DEFINE_integer("port", 8000, "Port to listen at; 0 takes a free one.", 0, 65535)


def main() -> None:
    """Serve until the process is ended."""
    folder = paths.input_folder(
        "experiment_dir", "name a folder that human_experiment.py has made"
    )

    from model_metamers.human.design import read_design
    from model_metamers.human.server import Laboratory, make_server

    design = read_design(folder)
    if not (folder / "page" / "index.html").is_file():
        raise ValueError(f"{folder} lacks its page; make it again with human_experiment.py")
    laboratory = Laboratory(design, folder / "page", folder / "responses")
    host, port = flags.FLAGS.host, flags.FLAGS.port
    try:
        server = make_server(laboratory, host, port)
    except OSError as error:
        raise ValueError(
            f"cannot listen at {host}:{port} ({error.strerror}); choose another --host or --port"
        ) from None
    with server:
        print(f"participants: http://{host}:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    script.run(main)
