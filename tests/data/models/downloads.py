"""Models that want to fetch something."""

import torch
import torchvision
from torch.hub import load_state_dict_from_url

ADDRESS = "https://download.example/weights.pth"


def by_hub():
    load_state_dict_from_url(ADDRESS)


def by_hub_file():
    torch.hub.download_url_to_file(ADDRESS, "weights.pth")


def by_torchvision():
    return torchvision.models.resnet18(weights="IMAGENET1K_V1")


def by_repository():
    return torch.hub.load("pytorch/vision", "resnet18")


def by_backbone():
    return torchvision.models.segmentation.fcn_resnet50()
