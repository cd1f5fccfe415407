//! The settings in the environment: HOST and PORT.

use std::{env, ffi::OsString};

const DEFAULT_HOST: &str = "0.0.0.0";
const DEFAULT_PORT: u16 = 3001;

/// The address that the service listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub host: String,
    pub port: u16,
}

impl Settings {
    /// Reads HOST and PORT. A missing or empty variable has its default.
    ///
    /// # Errors
    /// Names the invalid variable and its valid values.
    pub fn from_env() -> Result<Self, String> {
        Self::read(env::var_os("HOST"), env::var_os("PORT"))
    }

    fn read(host: Option<OsString>, port: Option<OsString>) -> Result<Self, String> {
        let text = |name: &str, value: Option<OsString>| {
            let value = value.unwrap_or_default().into_string();
            value.map_err(|value| format!("{name} is not text: {value:?}"))
        };
        let (host, port) = (text("HOST", host)?, text("PORT", port)?);
        let port = match port.as_str() {
            "" => DEFAULT_PORT,
            port => port
                .parse()
                .map_err(|_| format!("PORT must be a number from 0 to 65535, not `{port}`"))?,
        };
        let host = if host.is_empty() { DEFAULT_HOST.to_owned() } else { host };
        Ok(Self { host, port })
    }

    /// Returns the address at which this machine reaches the service.
    pub fn own_address(&self) -> String {
        match self.host.as_str() {
            "0.0.0.0" => format!("127.0.0.1:{}", self.port),
            "::" => format!("[::1]:{}", self.port),
            host if host.contains(':') => format!("[{host}]:{}", self.port),
            host => format!("{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(host: Option<&str>, port: Option<&str>) -> Result<Settings, String> {
        Settings::read(host.map(OsString::from), port.map(OsString::from))
    }

    #[test]
    fn what_is_missing_or_empty_has_its_default() {
        for value in [None, Some("")] {
            let settings = read(value, value).expect("defaults");
            assert_eq!((settings.host.as_str(), settings.port), ("0.0.0.0", 3001));
        }
    }

    #[test]
    fn a_port_that_is_none_is_named() {
        for port in ["http", "65536", "-1", "3001 "] {
            let error = read(None, Some(port)).expect_err("no port");
            assert_eq!(error, format!("PORT must be a number from 0 to 65535, not `{port}`"));
        }
    }

    #[test]
    fn a_probe_reaches_the_service_wherever_it_listens() {
        for (host, address) in [
            ("0.0.0.0", "127.0.0.1:7"),
            ("::", "[::1]:7"),
            ("fd00::1", "[fd00::1]:7"),
            ("math", "math:7"),
        ] {
            assert_eq!(read(Some(host), Some("7")).expect("a port").own_address(), address);
        }
    }
}
