//! Certificates made for a test, in PEM files that are removed with this value.

use std::{fs, path::PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// A folder with the files of two peers that trust each other, and of a stranger that neither
/// trusts: `ca.pem`, `service.pem`, `service-key.pem`, `caller.pem`, `caller-key.pem`;
/// `strangers-ca.pem`, `stranger.pem`, `stranger-key.pem`. Certificates are for `localhost`,
/// 127.0.0.1 and ::1.
#[derive(Debug)]
pub(crate) struct Certificates(PathBuf);

impl Certificates {
    /// Writes the files for the one test `name` of this process.
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("nest-wire-certificates-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let made = Self(folder);
        for (authority, holders) in [("ca", &["service", "caller"][..]), ("strangers-ca", &["stranger"])] {
            let issuer = made.authority(authority);
            holders.iter().for_each(|holder| made.certify(holder, &issuer));
        }
        made
    }

    /// Returns the path of one of the files, given without `.pem`.
    pub(crate) fn path(&self, file: &str) -> String {
        let path = self.0.join(file).with_extension("pem");
        path.into_os_string().into_string().expect("UTF-8")
    }

    fn authority(&self, name: &str) -> Issuer<'static, KeyPair> {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        self.write(name, &certificate.pem());
        Issuer::new(parameters, key)
    }

    fn certify(&self, name: &str, issuer: &Issuer<'static, KeyPair>) {
        let hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut parameters = CertificateParams::new(hosts).expect("names");
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, issuer).expect("a certificate");
        self.write(name, &certificate.pem());
        self.write(&format!("{name}-key"), &key.serialize_pem());
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
