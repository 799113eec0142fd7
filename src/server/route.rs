//! The routes: one table for the router, for the scopes and for the OpenAPI document.

use std::future::Future;
use std::pin::Pin;

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::call::{Call, Reply};
use super::problem::Result;
use super::token::Scope;

/// The work for a request.
pub type Handler = fn(Call) -> Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Everybody with a token.
    Token,
    /// Senders of tokens with this scope.
    Scope(Scope),
}

/// The content of a body.
#[derive(Clone, Copy)]
pub struct Content {
    /// Its media type.
    pub media_type: &'static str,
    /// Its schema.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A route.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Its name in generated clients.
    pub operation: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The work.
    pub handler: Handler,
    /// The fields of the query.
    pub query: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The accepted bodies.
    pub bodies: Vec<Content>,
    /// Whether a repeated request with an `Idempotency-Key` gets the first reply.
    pub takes_key: bool,
    /// Whether the body may be left out.
    pub body_is_optional: bool,
    /// The successful replies, by status.
    pub replies: Vec<(u16, Content)>,
}

impl Route {
    /// A route without bodies and replies.
    pub fn new(
        method: Method,
        path: &'static str,
        access: Access,
        (operation, summary): (&'static str, &'static str),
        handler: Handler,
    ) -> Self {
        let (query, bodies, replies) = (None, Vec::new(), Vec::new());
        Self {
            method,
            path,
            access,
            operation,
            summary,
            handler,
            query,
            bodies,
            takes_key: false,
            body_is_optional: false,
            replies,
        }
    }

    /// With a query.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(T::json_schema);
        self
    }

    /// With an `Idempotency-Key`.
    #[must_use]
    pub fn takes_key(self) -> Self {
        Self { takes_key: true, ..self }
    }

    /// With a body in JSON.
    #[must_use]
    pub fn takes<T: JsonSchema>(self) -> Self {
        self.takes_as::<T>("application/json")
    }

    /// With a body in JSON that may be left out.
    #[must_use]
    pub fn may_take<T: JsonSchema>(self) -> Self {
        Self { body_is_optional: true, ..self.takes::<T>() }
    }

    /// With a body of another type.
    #[must_use]
    pub fn takes_as<T: JsonSchema>(mut self, media_type: &'static str) -> Self {
        self.bodies.push(Content { media_type, schema: SchemaGenerator::subschema_for::<T> });
        self
    }

    /// With a reply in JSON.
    #[must_use]
    pub fn gives<T: JsonSchema>(self, status: u16) -> Self {
        self.gives_as::<T>(status, "application/json")
    }

    /// With a reply of another type.
    #[must_use]
    pub fn gives_as<T: JsonSchema>(mut self, status: u16, media_type: &'static str) -> Self {
        self.replies.push((status, Content { media_type, schema: SchemaGenerator::subschema_for::<T> }));
        self
    }
}
