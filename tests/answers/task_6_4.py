# %% right: transforms of torchvision
from torchvision.transforms import v2


def preprocess(image, recipe):
    steps = v2.Compose([
        v2.Resize(tuple(recipe["size"]), interpolation=v2.InterpolationMode.BILINEAR),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Lambda(lambda t: t.flip(0) if recipe["order"] == "BGR" else t),
        v2.Normalize(recipe["mean"], recipe["std"]),
    ])
    return steps(image).as_subclass(torch.Tensor).unsqueeze(0)


# %% right: NumPy to the last step
def preprocess(image, recipe):
    pixels = np.asarray(image.resize(recipe["size"][::-1], Image.BILINEAR), dtype=np.float32) / 255
    if recipe["order"] == "BGR":
        pixels = pixels[:, :, ::-1]
    pixels = (pixels - np.float32(recipe["mean"])) / np.float32(recipe["std"])
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]


# %% right: statistics folded into the levels, channels by split
def preprocess(image, recipe):
    small = image.resize(tuple(reversed(recipe["size"])), resample=Image.Resampling.BILINEAR)
    planes = small.split()
    if recipe["order"] == "BGR":
        planes = planes[::-1]
    result = []
    for plane, mean, std in zip(planes, recipe["mean"], recipe["std"]):
        result.append((torch.tensor(np.array(plane)).float() - 255 * mean) / (255 * std))
    return torch.stack([torch.stack(result)])


# %% right: an antialiased tensor
from torchvision.transforms import functional


def preprocess(image, recipe):
    pixels = functional.pil_to_tensor(image)
    pixels = functional.resize(pixels, recipe["size"], antialias=True)
    pixels = functional.convert_image_dtype(pixels, torch.float32)
    pixels = pixels[[2, 1, 0]] if recipe["order"] == "BGR" else pixels
    return functional.normalize(pixels, recipe["mean"], recipe["std"])[None, ...]


# %% wrong: width and height exchanged -> exchange them for image.resize
def preprocess(image, recipe):
    image = image.resize(recipe["size"], Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: the default resampling -> The resampling
def preprocess(image, recipe):
    height, width = recipe["size"]
    pixels = torch.from_numpy(np.array(image.resize((width, height)))).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: resized as a tensor, without antialias -> antialias
def preprocess(image, recipe):
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    pixels = nn.functional.interpolate(pixels[None], recipe["size"], mode="bilinear")[0]
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: not divided by 255 -> divide by 255 first
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float()
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: not standardised -> not standardised
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    return pixels.unsqueeze(0)


# %% wrong: the order of the channels forgotten -> blue, green, red
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: standardised before the turn -> first, and then standardise
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    pixels = (pixels - mean) / std
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    return pixels.unsqueeze(0)


# %% wrong: always turned -> nothing to turn around
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).flip(0) / 255
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: the wrong dimension turned around -> not the channels
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image))
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    pixels = pixels.permute(2, 0, 1) / 255
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: reshape in place of permute -> permute(2, 0, 1)
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).reshape(3, height, width) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: statistics of another training -> of the recipe
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    return ((pixels - 0.5) / 0.5).unsqueeze(0)


# %% wrong: the middle cut out -> without a cut
def preprocess(image, recipe):
    height, width = recipe["size"]
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, (image.width + side) // 2, (image.height + side) // 2))
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: no batch -> a single picture
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return (pixels - mean) / std


# %% wrong: float64 -> wrong dtype
def preprocess(image, recipe):
    height, width = recipe["size"]
    pixels = np.array(image.resize((width, height), Image.Resampling.BILINEAR)) / 255
    if recipe["order"] == "BGR":
        pixels = pixels[..., ::-1]
    pixels = (pixels - recipe["mean"]) / recipe["std"]
    return torch.tensor(pixels.transpose(2, 0, 1)[None].copy())


# %% wrong: the picture's own statistics -> Compare each step with the recipe
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    return ((pixels - pixels.mean((1, 2), keepdim=True)) / pixels.std((1, 2), keepdim=True)).unsqueeze(0)


# %% wrong: 256 levels -> 255, not 256
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 256
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)
