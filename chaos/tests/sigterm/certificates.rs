//! A certificate of a service on 127.0.0.1, and the authority that a caller trusts.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// PEM files in a folder of their own, which is removed when this value is dropped.
#[derive(Debug)]
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    pub(crate) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("nest-wire-chaos-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let made = Self(folder);
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().expect("a key");
        let certificate = authority.self_signed(&key).expect("a certificate");
        made.write("ca", &certificate.pem());
        let issuer = Issuer::new(authority, key);
        let mut service = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        service.distinguished_name.push(DnType::CommonName, "a service");
        let key = KeyPair::generate().expect("a key");
        let certificate = service.signed_by(&key, &issuer).expect("a certificate");
        made.write("service", &certificate.pem());
        made.write("key", &key.serialize_pem());
        made
    }

    /// Returns the flags of a service.
    pub(crate) fn of_service(&self) -> Vec<String> {
        vec![
            "--cert".to_owned(),
            self.path("service"),
            "--key".to_owned(),
            self.path("key"),
        ]
    }

    /// Returns the flags of a caller on Node.
    pub(crate) fn of_caller(&self) -> Vec<String> {
        vec!["--ca".to_owned(), self.path("ca")]
    }

    fn path(&self, file: &str) -> String {
        let path = self.0.join(file).with_extension("pem");
        path.into_os_string().into_string().expect("UTF-8")
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).expect("a file");
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
