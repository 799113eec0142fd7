//! The device that computes products for joins.

use std::sync::OnceLock;

use super::Session;
use super::error::Result;
use crate::encoder::{Device, EncoderError};
use crate::gallery::Products;

/// Rows from which on a join uses a device without being asked to. With fewer, two cores are done when a device is ready.
const WORTH: usize = 200_000;

/// Makes what computes products on a device; `None` if [`Device::Auto`] finds none.
pub type NewProducts = fn(Device) -> Result<Option<Box<dyn Products>>, EncoderError>;

static PROVIDED: OnceLock<NewProducts> = OnceLock::new();

/// Registers what makes products. Only the first call has an effect.
pub fn provide_products(new: NewProducts) {
    let _ = PROVIDED.set(new);
}

impl Session {
    /// Whether a join of all templates is worth a device, if there is one, and this process cannot use it.
    ///
    /// # Errors
    /// The gallery failed.
    pub fn lacks_products(&self) -> Result<bool> {
        Ok(PROVIDED.get().is_none() && self.wants_products()?)
    }

    fn wants_products(&self) -> Result<bool> {
        Ok(match self.networks.device() {
            Device::Cpu => false,
            Device::Cuda => true,
            Device::Auto => self.gallery().view()?.len() >= WORTH,
        })
    }

    /// What computes the products of a join; `None`: the processor bounds them.
    ///
    /// # Errors
    /// A device was requested, and there is none or this process cannot use it; the gallery failed.
    pub(super) fn products(&self) -> Result<Option<Box<dyn Products>>> {
        let device = self.networks.device();
        match PROVIDED.get() {
            _ if !self.wants_products()? => Ok(None),
            Some(new) => Ok(new(device)?),
            None if device == Device::Cuda => {
                Err(EncoderError::NoNetworks { model: "--device cuda".into() }.into())
            }
            None => Ok(None),
        }
    }
}
