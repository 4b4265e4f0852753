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


# %% wrong: the picture's own statistics -> those of this very picture
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


# %% right: a callable object, statistics over the last dimension
class Preprocess:
    def __call__(self, image, recipe):
        h, w = recipe["size"]
        small = np.array(image.resize(size=(w, h), resample=Image.Resampling.BILINEAR), dtype="float64") / 255.0
        if recipe["order"] != "RGB":
            small = np.flip(small, axis=-1)
        small = (small - np.array(recipe["mean"])) / np.array(recipe["std"])
        return torch.tensor(np.moveaxis(small, -1, 0).copy(), dtype=torch.float32).reshape(1, 3, h, w)


preprocess = Preprocess()


# %% right: einops by hand, channels by name
def preprocess(image, recipe):
    small = image.resize((recipe["size"][1], recipe["size"][0]), Image.Resampling.BILINEAR)
    planes = []
    for name in recipe["order"]:
        channel = "RGB".index(name)
        at = len(planes)
        plane = torch.tensor(np.asarray(small)[..., channel].tolist()) / 255
        planes.append((plane - recipe["mean"][at]) / recipe["std"][at])
    return torch.stack(planes)[None]


# %% wrong: ImageOps.fit, as in the lecture -> as ImageOps.fit
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: a border is added -> got a border
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = ImageOps.pad(image, (width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: stretched to the picture's own levels -> Divide by 255, whatever is in it
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1).float()
    pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: the picture's own statistics, one for all channels -> those of this very picture
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    return ((pixels - pixels.mean()) / pixels.std()).unsqueeze(0)


# %% wrong: the recipe is turned around in place -> changed its argument number 2
def preprocess(image, recipe):
    recipe["size"].reverse()
    image = image.resize(recipe["size"], Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: the given picture is made smaller -> The picture that was given has changed
def preprocess(image, recipe):
    height, width = recipe["size"]
    small = image.resize((width, height), Image.Resampling.BILINEAR)
    image.thumbnail((width, height))
    image.paste((0, 0, 0), (0, 0, 1, 1))
    pixels = torch.tensor(np.array(small)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: always BGR -> nothing to turn around
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1).flip(0) / 255
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: a fixed size -> The tensor
def preprocess(image, recipe):
    image = image.resize((6, 4), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: divided by the variance -> not by the variance
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std**2).unsqueeze(0)


# %% wrong: gradients stay off -> left gradients switched off
def preprocess(image, recipe):
    torch.set_grad_enabled(False)
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    mean, std = (torch.tensor(recipe[key]).view(3, 1, 1) for key in ("mean", "std"))
    return ((pixels - mean) / std).unsqueeze(0)


# %% wrong: divided by std only -> Subtracting mean is missing
def preprocess(image, recipe):
    height, width = recipe["size"]
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.tensor(np.array(image)).permute(2, 0, 1) / 255
    if recipe["order"] == "BGR":
        pixels = pixels.flip(0)
    return (pixels / torch.tensor(recipe["std"]).view(3, 1, 1)).unsqueeze(0)


# %% wrong: torch.tensor of a picture -> makes a tensor of the picture
def preprocess(image, recipe):
    height, width = recipe["size"]
    pixels = torch.tensor(image.resize((width, height), Image.Resampling.BILINEAR)) / 255
    return pixels.unsqueeze(0)
