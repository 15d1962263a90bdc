"""The registry of object models: 16 categories with four variants each, in order."""

from model_metamers.stimuli.made.object_models import (
    airplanes,
    bears,
    bicycles,
    birds,
    boats,
    bottles,
    cars,
    cats,
    chairs,
    clocks,
    dogs,
    elephants,
    keyboards,
    knives,
    ovens,
    trucks,
)
from model_metamers.stimuli.made.object_models.model import Model, ModelFunction, Setting, View

MODELS: dict[str, tuple[ModelFunction, ...]] = {
    "airplane": (
        airplanes.airliner,
        airplanes.propeller,
        airplanes.jet_fighter,
        airplanes.biplane,
    ),
    "bear": (bears.walking, bears.sitting, bears.standing, bears.panda),
    "bicycle": (bicycles.racing, bicycles.mountain, bicycles.city, bicycles.penny_farthing),
    "bird": (birds.songbird, birds.flying, birds.flamingo, birds.duck),
    "boat": (boats.sailboat, boats.motorboat, boats.steamship, boats.rowboat),
    "bottle": (bottles.wine, bottles.soda, bottles.spirits, bottles.squeeze),
    "car": (cars.sedan, cars.sports, cars.off_roader, cars.compact),
    "cat": (cats.sitting, cats.walking, cats.lying, cats.arched),
    "chair": (chairs.dining, chairs.office, chairs.armchair, chairs.windsor),
    "clock": (clocks.wall, clocks.alarm, clocks.grandfather, clocks.mantel),
    "dog": (dogs.retriever, dogs.shepherd, dogs.dachshund, dogs.sitting_hound),
    "elephant": (elephants.african, elephants.asian, elephants.mammoth, elephants.calf),
    "keyboard": (keyboards.compact, keyboards.full_size, keyboards.split, keyboards.piano),
    "knife": (knives.chef, knives.table, knives.cleaver, knives.dagger),
    "oven": (ovens.cooker, ovens.range_stove, ovens.microwave, ovens.wall_oven),
    "truck": (trucks.box_truck, trucks.semi_trailer, trucks.dump_truck, trucks.tanker),
}

__all__ = ["MODELS", "Model", "ModelFunction", "Setting", "View"]
