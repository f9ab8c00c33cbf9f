"""The trained model behind an exported file."""

import json
from hashlib import sha256

from mmpose_amfac import model_index
from mmpose_amfac.apis.estimator import TorchEstimator
from mmpose_amfac.deploy.places import is_file
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import sha256 as sha256_of_file
from mmpose_amfac.manifest import Manifest


class TrainedModel:
    """Config and weights, loaded, with what a manifest says about them.

    Args:
        config: name or alias of a packaged model, or a config file.
        weights: checkpoint; may be left out for a packaged model.

    Attributes:
        estimator: :class:`~mmpose_amfac.apis.TorchEstimator` on the CPU.
        name: of the model, for people and file names.
        input_size, padding, channel_order, mean, std, decode: as in :class:`~mmpose_amfac.manifest.Manifest`.

    Raises:
        AMFACError: unknown model, weights of another one, a network without AMFACHead, or a config that does not say
            how pictures are normalised.
    """

    def __init__(self, config='amfacpose', weights=None):
        self._given = str(config), None if weights is None else str(weights)
        _check_config(config)
        self.estimator = TorchEstimator(config, weights, 'cpu')
        model = self.estimator.model
        self.name = self.estimator.config.stem
        self.input_size = self.estimator.input_size
        self.padding = float(self.estimator.padding)
        steps = model.cfg.model.get('data_preprocessor') or {}
        if steps.get('type') != 'PoseDataPreprocessor' or not steps.get('mean') or not steps.get('std'):
            raise AMFACError(f'{config}: model.data_preprocessor must be a PoseDataPreprocessor with mean and std; a '
                             'runtime prepares pictures by them')
        # crops are BGR
        self.channel_order = 'rgb' if steps.get('bgr_to_rgb') or steps.get('rgb_to_bgr') else 'bgr'
        self.mean, self.std = (tuple(float(v) for v in steps[key]) for key in ('mean', 'std'))
        codec = model.head.decoder
        self.decode = dict(rule='simcc', split_ratio=float(codec.simcc_split_ratio), window=int(codec.window))

    def described(self) -> dict:
        """For ``source`` of a manifest: what was given, its aliases, sha256 of resolved config and weights."""
        from mmengine.config import Config
        content = json.dumps(Config.fromfile(self.estimator.config).to_dict(), sort_keys=True, default=str)
        given, weights = self._given
        aliases = () if given.endswith('.py') else model_index.find(given).aliases
        return dict(model=given, aliases=list(aliases), weights=weights, config=self.estimator.config.name,
                    config_sha256=sha256(content.encode()).hexdigest(),
                    weights_sha256=sha256_of_file(self.estimator.weights))


def trained_model(manifest: Manifest, config=None, weights=None) -> TrainedModel:
    """The model that a file was exported from.

    A manifest may come from a stranger: of a config it may name a packaged model only, for config files are Python
    code, and of weights only a local file, for nothing is downloaded in its name.

    Args:
        manifest: its ``source`` names config and weights.
        config, weights: to be given where the manifest names a config file or an address, or they lie elsewhere now.

    Raises:
        AMFACError: they are not there, must be given, or are other ones.
    """
    source = manifest.source
    config = config or _named_config(source.get('model'))
    weights = weights or _named_weights(source.get('weights'))
    model = TrainedModel(config, weights)
    found = model.described()
    for key, option in (('config_sha256', '--config'), ('weights_sha256', '--weights')):
        wanted = source.get(key)
        if wanted is not None and found[key] != wanted:
            what = key.partition('_')[0]
            raise AMFACError(f'{getattr(model.estimator, what)} is not the {what} of this file: sha256 '
                             f'{found[key][:12]}..., its manifest says {wanted[:12]}...; give the right one with '
                             f'{option}')
    return model


def _named_config(name: str | None) -> str:
    if name is None:
        raise AMFACError('the manifest does not say what the file was exported from; give --config CONFIG --weights '
                         'FILE.pth')
    if name.endswith('.py'):
        raise AMFACError(f'the manifest names the config {name}, which is code and is not run on its word; if you '
                         f'trust it, give --config {name}')
    return name


def _named_weights(weights: str | None) -> str | None:
    if weights is None:
        return None
    if '://' in weights:
        raise AMFACError(f'the manifest names the weights {weights}, which are not fetched on its word; give '
                         '--weights FILE.pth')
    if not is_file(weights):
        raise AMFACError(f'{weights}, which the manifest names, does not exist here; give it with --weights')
    return weights


def _check_config(config) -> None:
    from mmengine.config import Config
    if str(config).endswith('.py') and is_file(config):
        model = Config.fromfile(config).get('model')
        if not isinstance(model, dict) or 'backbone' not in model:
            raise AMFACError(f'{config} has no model.backbone; give the config of a pose model')
