//! Lists: named sets of subjects. An identification may be limited to lists, so one gallery serves many.

use axum::http::{Method, StatusCode};

use super::handler;
use crate::gallery::Name;
use crate::reply::{ChangeList, ListShown, ListsShown, SetList};
use crate::server::call::{Call, Reply, json};
use crate::server::problem::{Problem, Result};
use crate::server::route::{Access, Route};
use crate::server::token::Scope;
use crate::session::{SessionError, lists};

pub fn routes() -> Vec<Route> {
    const ALL: &str = "/v1/galleries/{gallery}/lists";
    const ONE: &str = "/v1/galleries/{gallery}/lists/{list}";
    let (enroll, admin) = (Access::Scope(Scope::Enroll), Access::Scope(Scope::Admin));
    let change = ("changeList", "Add subjects to a list, and remove others from it");
    vec![
        Route::new(Method::GET, ALL, enroll, ("listLists", "The lists of the gallery"), handler!(self::all))
            .gives::<ListsShown>(200),
        Route::new(Method::GET, ONE, enroll, ("showList", "A list with its subjects"), handler!(self::show))
            .gives::<ListShown>(200),
        Route::new(Method::PUT, ONE, admin, ("setList", "Make or replace a list"), handler!(self::set))
            .takes::<SetList>()
            .gives::<ListShown>(200),
        Route::new(Method::PATCH, ONE, admin, change, handler!(self::change))
            .takes::<ChangeList>()
            .gives::<ListShown>(200),
        Route::new(
            Method::DELETE,
            ONE,
            admin,
            ("removeList", "Remove a list; its subjects stay"),
            handler!(self::remove),
        )
        .gives::<ListShown>(200),
    ]
}

async fn all(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    json(StatusCode::OK, &call.work(move || lists::all(served.session.gallery())).await?)
}

async fn show(call: Call) -> Result<Reply> {
    let (served, name) = (call.gallery()?, call.parameter("list").to_owned());
    json(StatusCode::OK, &call.work(move || lists::shown(served.session.gallery(), &name)).await?)
}

async fn set(call: Call) -> Result<Reply> {
    let served = call.gallery()?;
    let name =
        Name::new(call.parameter("list")).map_err(|error| Problem::field("list", error.to_string()))?;
    let SetList { subjects } = call.json()?;
    let set = call.work(move || {
        let gallery = served.session.gallery();
        gallery.set_list(&name, &subjects)?;
        lists::shown(gallery, name.as_str())
    });
    json(StatusCode::OK, &set.await?)
}

async fn change(call: Call) -> Result<Reply> {
    let (served, name) = (call.gallery()?, call.parameter("list").to_owned());
    let ChangeList { add, remove } = call.json()?;
    let changed = call.work(move || {
        let gallery = served.session.gallery();
        gallery.change_list(&name, &add, &remove)?;
        lists::shown(gallery, &name)
    });
    json(StatusCode::OK, &changed.await?)
}

async fn remove(call: Call) -> Result<Reply> {
    let (served, name) = (call.gallery()?, call.parameter("list").to_owned());
    let removed = call.work(move || {
        let gallery = served.session.gallery();
        let before = lists::shown(gallery, &name)?;
        gallery.remove_list(&name)?;
        Ok::<_, SessionError>(before)
    });
    json(StatusCode::OK, &removed.await?)
}
