//! Advice on options and commands for errors of the library, which does not know the command line.

use anyhow::Error;

use crate::calibration::CalibrationError;
use crate::dedup::DedupError;
use crate::encoder::EncoderError;
use crate::gallery::{GalleryError, VectorErrorKind};
use crate::session::SessionError;
use crate::template::BindingError;

/// The advice to print after the error; `None` if there is none.
pub fn about(error: &Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<SessionError>() {
            return of_session(error);
        }
        #[cfg(feature = "server")]
        if let Some(error) = cause.downcast_ref::<crate::client::ClientError>() {
            return super::remote::advice(error);
        }
        if let Some(error) = cause.downcast_ref::<GalleryError>() {
            return of_gallery(error);
        }
        if let Some(error) = cause.downcast_ref::<CalibrationError>() {
            return of_calibration(error);
        }
        if let Some(error) = cause.downcast_ref::<DedupError>() {
            return of_dedup(error);
        }
        of_encoder(cause.downcast_ref::<EncoderError>()?)
    })
}

fn of_session(error: &SessionError) -> Option<String> {
    Some(match error {
        SessionError::Gallery(error) => return of_gallery(error),
        SessionError::Calibration(error) => return of_calibration(error),
        SessionError::Encoder(error) => return of_encoder(error),
        SessionError::ExternalTemplates => "use `search`, `identify --vectors` or `import`".into(),
        SessionError::NoManifest(_) => "give its manifest with --model FILE.toml".into(),
        SessionError::NoThreshold => "give one with --threshold, or calibrate the gallery".into(),
        SessionError::Thresholds { low, high, .. } if low >= high => format!("--threshold {high},{low}"),
        SessionError::GraphProvesNothing => "omit --certify or --search graph".into(),
        SessionError::SharedName => "--faces all goes with --subject-from photo".into(),
        SessionError::NamesMissing { .. } => "--subjects gives names".into(),
        SessionError::OtherName { .. } => {
            "--rename gives the rows that are in the gallery the names of this file, --keep-names keeps their names".into()
        }
        SessionError::BadRow(_) | SessionError::BadImportRow(_) => "--skip-invalid skips such rows".into(),
        SessionError::NamedOrigin { model } => {
            format!(
                "`gallerist init --model {model}` makes a gallery for them; --from-model {model} imports them here"
            )
        }
        SessionError::UnknownOrigin { model, .. } => format!("--from-model {model} states it"),
        SessionError::NotCarried { .. } => "--drop-missing leaves them out".into(),
        SessionError::Binding(error) => return of_binding(error),
        SessionError::NoPerson(_) => "give --subjects, or photos in folders named after people".into(),
        SessionError::FewStrangers { .. } => {
            "give more of them with --nonmated, or omit it to search for subjects of the gallery".into()
        }
        _ => return None,
    })
}

fn of_gallery(error: &GalleryError) -> Option<String> {
    Some(match error {
        GalleryError::NotAGallery(_) => "`gallerist init` makes one".into(),
        GalleryError::OlderCatalog { .. } => "`gallerist compact` does that".into(),
        GalleryError::DamagedCatalog { .. }
        | GalleryError::CatalogBehind { .. }
        | GalleryError::IndexBehind { .. } => "`gallerist check` shows details".into(),
        GalleryError::SimilarName { .. } => "`gallerist subject merge` does that".into(),
        GalleryError::Binding(error) => return of_binding(error),
        GalleryError::Vectors(error) if error.kind() == VectorErrorKind::Device => {
            "--device cpu does that".into()
        }
        GalleryError::UnknownList { .. } => "`gallerist list add` makes one".into(),
        GalleryError::UnknownTemplate { .. } => "`subject show` and `audit` print the ids".into(),
        _ => return None,
    })
}

fn of_binding(error: &BindingError) -> Option<String> {
    matches!(error, BindingError::EarlierPipeline { .. })
        .then(|| "`gallerist reembed` does that from the photos of the gallery".into())
}

fn of_calibration(error: &CalibrationError) -> Option<String> {
    matches!(error, CalibrationError::Missing(_))
        .then(|| "use `gallerist calibrate`, or give a threshold with --threshold".into())
}

fn of_dedup(error: &DedupError) -> Option<String> {
    match error {
        DedupError::Run { runs, .. } if runs.len() == 1 => {
            Some(format!("gallerist dedup undo {}", runs[0].display()))
        }
        DedupError::Run { runs, .. } if !runs.is_empty() => Some("`gallerist dedup undo RUN` undoes one of them".into()),
        DedupError::Run { .. } => Some(
            "`gallerist dedup undo FOLDER` finds a run by its folder, a quarantine or a folder of the plan; --quarantine names the quarantine"
                .into(),
        ),
        _ => None,
    }
}

fn of_encoder(error: &EncoderError) -> Option<String> {
    matches!(error, EncoderError::Untrusted { .. })
        .then(|| "--trust-model-code allows it; use it only if you trust the author of the model".into())
}
