//! The kinds of certificates that Node services use, each self-signed.

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};

/// A certificate and its key, in PEM.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Kind {
    /// Makes one of each kind.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::make("an authority with names", &["localhost", "127.0.0.1"], |parameters| {
                parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            Self::make("an authority with a common name", &[], |parameters| {
                parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }),
            Self::make("a common name", &[], |_| {}),
            Self::make("names", &["localhost", "127.0.0.1"], |_| {}),
            Self::make("names and purposes", &["localhost", "127.0.0.1"], |parameters| {
                let purposes = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
                parameters.extended_key_usages.extend(purposes);
            }),
            Self::version_1(),
        ]
    }

    /// Makes a certificate that ended in 2001.
    pub(crate) fn expired() -> Self {
        Self::make("expired", &["localhost"], |parameters| {
            parameters.not_before = date_time_ymd(2000, 1, 1);
            parameters.not_after = date_time_ymd(2001, 1, 1);
        })
    }

    /// Returns a certificate of X.509 version 1, as `openssl x509 -req -signkey` makes it.
    pub(crate) fn version_1() -> Self {
        Self {
            name: "version 1",
            certificate: include_str!("certificates/v1.pem").to_owned(),
            key: include_str!("certificates/v1-key.pem").to_owned(),
        }
    }

    fn make(name: &'static str, hosts: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut parameters = CertificateParams::new(hosts).expect("names");
        parameters.distinguished_name.push(DnType::CommonName, "localhost");
        change(&mut parameters);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self {
            name,
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}
