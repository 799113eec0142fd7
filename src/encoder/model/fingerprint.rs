//! The fingerprint of a model.

use sha2::{Digest, Sha256};

use super::{DetectorFile, Ensemble, Kind, Member, Model, Network, Projection, hexadecimal};

/// Version of the code between photo and network that no manifest describes: the detector cascade, the alignment, the rounding. It is
/// raised when their results change, so that galleries made with earlier versions are recognised.
///
/// 1: faces at the border of a photo were stretched. 2: they are padded, and rotated photos are recognised.
const PIPELINE: u32 = 2;
/// Version of the steps around the network of a user's detector, raised when their results change.
const SCRFD: u32 = 1;

impl Model {
    /// SHA-256, in hexadecimal, of everything that determines the template of a photo: the weights of encoder and detector, alignment,
    /// channel order, mean, scale, dimension, and the version of the code between them; of an ensemble, all this of its members, their
    /// weights, and the projection. Templates with different fingerprints cannot be compared.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_of(PIPELINE)
    }

    /// The fingerprints of this model with earlier versions of the code between photo and network, the first version first.
    pub fn earlier_fingerprints(&self) -> Vec<String> {
        (1..PIPELINE).map(|pipeline| self.fingerprint_of(pipeline)).collect()
    }

    /// Whether `fingerprint` is that of this model with an earlier version of the code between photo and network.
    pub fn is_of_earlier_pipeline(&self, fingerprint: &str) -> bool {
        self.earlier_fingerprints().iter().any(|earlier| earlier == fingerprint)
    }

    pub(super) fn fingerprint_of(&self, pipeline: u32) -> String {
        let described = match &self.kind {
            Kind::Network(network) => of_network(network, self.detector.as_ref(), pipeline),
            Kind::Ensemble(ensemble) => of_ensemble(ensemble, pipeline),
        };
        hexadecimal(&Sha256::digest(format!("{described}dimension {}\n", self.dimension)))
    }
}

fn of_network(network: &Network, detector: Option<&DetectorFile>, pipeline: u32) -> String {
    let Network { runtime, input, weights } = network;
    let mut text = format!("gallerist pipeline {pipeline}\n{runtime:?}\n");
    let own = detector.map_or(Model::detector(), |detector| &detector.weights);
    for weights in [weights.as_ref(), Some(own)] {
        text += &format!("weights {}\n", weights.map_or("none", |weights| weights.sha256.as_str()));
    }
    if detector.is_some() {
        text += &format!("detector scrfd {SCRFD}\n");
    }
    let points = input.chip.template().as_flattened().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let mean = input.mean.map(f32::to_bits);
    text += &format!("chip {} {points:x?}\n", input.chip.side());
    text + &format!("input {:?} {mean:x?} {}\n", input.channels, input.scale.bits())
}

fn of_ensemble(Ensemble { members, mirror, projection }: &Ensemble, pipeline: u32) -> String {
    let mut text = format!("gallerist pipeline {pipeline}\nEnsemble\n");
    for Member { model, weight } in members {
        text += &format!("member {} {:x}\n", model.fingerprint_of(pipeline), weight.to_bits());
    }
    let matrix = |Projection { weights, .. }: &Projection| weights.sha256.clone();
    text + &format!("mirror {mirror}\nprojection {}\n", projection.as_ref().map_or("none".into(), matrix))
}
