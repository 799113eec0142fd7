//! Galleries: what they contain; making and dropping them in the server's folder.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};

use super::handler;
use crate::encoder::Model;
use crate::gallery::GraphWhen;
use crate::reply::{CreateGallery, EngineRequest, GalleriesListed, GalleryDropped, GalleryShown, VERSION};
use crate::server::app::App;
use crate::server::call::{Call, Reply, json};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::served::Served;
use crate::server::token::Scope;
use crate::session::{Session, engine, maintenance};
use crate::template::Binding;

/// How long a drop waits for running requests.
const DROP_WAITS: Duration = Duration::from_secs(20);

pub fn routes() -> Vec<Route> {
    const ONE: &str = "/v1/galleries/{gallery}";
    let admin = Access::Scope(Scope::Admin);
    let list = ("listGalleries", "The served galleries");
    let show = ("showGallery", "The content and the size of a gallery");
    let create = ("createGallery", "Make an empty gallery in the folder of the server");
    let remove = ("dropGallery", "Drop a gallery in the folder of the server, with everything in it");
    vec![
        Route::new(Method::GET, "/v1/galleries", Access::Token, list, handler!(self::list))
            .gives::<GalleriesListed>(200),
        Route::new(Method::GET, ONE, Access::Token, show, handler!(self::show)).gives::<GalleryShown>(200),
        Route::new(Method::PUT, ONE, admin, create, handler!(self::create))
            .may_take::<CreateGallery>()
            .gives::<GalleryShown>(201),
        Route::new(Method::DELETE, ONE, admin, remove, handler!(self::remove)).gives::<GalleryDropped>(200),
    ]
}

fn shown(app: &App, served: &Served) -> Result<GalleryShown> {
    let gallery = served.session.gallery();
    Ok(GalleryShown {
        version: VERSION,
        gallery: served.name.clone(),
        model: gallery.binding().clone(),
        sizes: gallery.summary()?,
        calibration: maintenance::calibration(gallery)?,
        keeps_photos: app.options.keep_photos,
        encodes_photos: served.encodes(),
    })
}

async fn list(call: Call) -> Result<Reply> {
    let app = Arc::clone(&call.app);
    let galleries =
        call.work(move || app.all().iter().map(|served| shown(&app, served)).collect::<Result<_>>());
    json(StatusCode::OK, &GalleriesListed { version: VERSION, galleries: galleries.await? })
}

async fn show(call: Call) -> Result<Reply> {
    let (app, served) = (Arc::clone(&call.app), call.gallery()?);
    json(StatusCode::OK, &call.work(move || shown(&app, &served)).await?)
}

async fn create(call: Call) -> Result<Reply> {
    let name = call.parameter("gallery").to_owned();
    let place = call.app.in_root(&name)?;
    let CreateGallery { model, dimension } = call.json_or_default()?;
    let app = Arc::clone(&call.app);
    let made = call.work(move || {
        let exists = || Problem::conflict("gallery_exists", "there is a gallery with this name");
        if app.gallery(&name).is_some() || place.path.exists() {
            return Err(exists());
        }
        let binding = match (model, dimension) {
            (Some(_), Some(_)) => {
                return Err(Problem::field("dimension", "expected a model or a dimension, got both"));
            }
            (None, Some(dimension)) if (2..=4096).contains(&dimension) => Binding::external(dimension, None),
            (None, Some(wrong)) => {
                return Err(Problem::field("dimension", format!("expected 2 to 4096, got {wrong}")));
            }
            (model, None) => binding_of(model, &app.options.engine)?,
        };
        engine::require_for(&binding)?;
        let session = Session::create(&place.path, &binding, GraphWhen::Never, app.options.engine.clone())?;
        let session = session.guarded(app.options.guard.clone());
        let served = Served::of(name.clone(), session, &app.options.limits, &app.metrics)?;
        served.warm()?;
        if !app.add(served) {
            return Err(exists());
        }
        let served = app.gallery(&name).ok_or_else(|| Problem::internal(&"a new gallery is gone"))?;
        shown(&app, &served)
    });
    json(StatusCode::CREATED, &made.await?)
}

/// The binding of a model by its name. A path is not accepted.
fn binding_of(model: Option<String>, engine: &EngineRequest) -> Result<Binding> {
    if let Some(name) = &model {
        let unknown = || Problem::field("model", "there is no such model");
        let is_known = Model::named(name).is_some() || Model::imported_names().contains(name);
        if !is_known {
            return Err(unknown());
        }
    }
    let model = engine::chosen(&EngineRequest { model, ..engine.clone() })?;
    Ok(model.binding())
}

async fn remove(call: Call) -> Result<Reply> {
    let name = call.parameter("gallery").to_owned();
    let served = call.gallery()?;
    let place = call.app.in_root(&name)?;
    if served.session.gallery().directory() != place.path {
        return Err(Problem::conflict("not_in_root", "the gallery is not in the folder of the server"));
    }
    let (subjects, templates) = served.session.gallery().counts()?;
    drop(served);
    let app = Arc::clone(&call.app);
    let dropped = call.work(move || {
        let Some(served) = app.remove(&name) else {
            return Err(Problem::not_found("unknown_gallery", "no such gallery is served"));
        };
        close(served)?;
        fs::remove_dir_all(&place.path).map_err(|error| Problem::internal(&error))?;
        Ok(GalleryDropped { version: VERSION, gallery: name, subjects, templates })
    });
    json(StatusCode::OK, &dropped.await?)
}

/// Waits until no request uses a gallery any more, and closes it.
fn close(served: Arc<Served>) -> Result<()> {
    let session = Arc::clone(&served.session);
    drop(served);
    let deadline = Instant::now() + DROP_WAITS;
    while Arc::strong_count(&session) > 1 {
        if Instant::now() > deadline {
            let detail = "the gallery is not served any more, but its files are still in use; drop it later";
            return Err(Problem::conflict("in_use", detail));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
