//! NATS that asks for credentials and speaks TLS. A server with the right certificates and credentials is let in;
//! without them it is soon refused with an explanation.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair as Nkey;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::node::{self, Nodes};
use crate::stage::{ServerProcess, User, run_to_end};

/// How long it may take until a server that is refused has said what is wrong: the first link is tried for ten seconds.
const REFUSED_WITHIN: Duration = Duration::from_secs(15);

/// A node, and a folder with what servers need to get in.
struct Guarded {
    nodes: Nodes,
    dir: TempDir,
}

impl Guarded {
    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn url(&self) -> &str {
        self.nodes.joined()
    }

    /// Checks that a server with these options is let in and serves.
    async fn lets_in(&self, options: &[&str]) {
        let data = tempfile::tempdir().unwrap();
        let server = ServerProcess::start(data.path(), &[&["--nats", self.url()], options].concat());
        let (mut a, _) = User::new("anna").join(server.addr).await;
        a.post(1, "words").await;
    }

    /// Checks that a server with these options ends with an explanation, and gives that.
    fn refuses(&self, options: &[&str]) -> String {
        let (data, began) = (tempfile::tempdir().unwrap(), Instant::now());
        let all = [&["--listen", "127.0.0.1:0", "--log", "error", "--nats", self.url()], options].concat();
        let (code, said) = run_to_end(&all, data.path());
        assert_eq!(code, Some(1), "{said}");
        assert!(began.elapsed() < REFUSED_WITHIN, "{:?}: {said}", began.elapsed());
        said
    }
}

/// An authority that signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Writes a certificate for that host, its key, and the authority's own certificate.
    fn write(&self, dir: &Path, name: &str, usage: ExtendedKeyUsagePurpose) {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(dir.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        fs::write(dir.join(format!("{name}-ca.pem")), &self.pem).unwrap();
    }
}

#[tokio::test]
async fn a_node_with_tls_is_recognised_by_its_authority_and_recognises_a_server_by_its_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    ours.write(dir.path(), "node", ExtendedKeyUsagePurpose::ServerAuth);
    ours.write(dir.path(), "server", ExtendedKeyUsagePurpose::ClientAuth);
    others.write(dir.path(), "stranger", ExtendedKeyUsagePurpose::ClientAuth);
    let path = |name: &str| dir.path().join(name).display().to_string();
    let tls = format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}\n",
        path("node.pem"),
        path("node.key"),
        path("node-ca.pem")
    );
    let Some(nodes) = node::start_with(&tls) else { return };
    let node = Guarded { nodes, dir };
    let [ca, cert, key] = ["node-ca.pem", "server.pem", "server.key"].map(|name| node.file(name));
    node.lets_in(&["--nats-ca", &ca, "--nats-cert", &cert, "--nats-key", &key]).await;

    let [wrong_ca, wrong_cert, wrong_key] =
        ["stranger-ca.pem", "stranger.pem", "stranger.key"].map(|name| node.file(name));
    let of_tls = [
        (vec!["--nats-cert", &cert, "--nats-key", &key], "UnknownIssuer"),
        (vec!["--nats-ca", &wrong_ca, "--nats-cert", &cert, "--nats-key", &key], "UnknownIssuer"),
        (vec!["--nats-ca", &ca], "CertificateRequired"),
        (vec!["--nats-ca", &ca, "--nats-cert", &wrong_cert, "--nats-key", &wrong_key], "fatal alert"),
        (vec!["--nats-ca", &ca, "--nats-cert", &cert, "--nats-key", &wrong_key], "certificate or key"),
        (vec!["--nats-ca", "/nowhere/ca.pem"], "No such file"),
    ];
    for (options, reason) in of_tls {
        let said = node.refuses(&options);
        assert!(said.contains("cannot speak TLS with NATS at nats://127.0.0.1:"), "{options:?}: {said}");
        assert!(
            said.contains(reason) && said.contains("see --nats-ca and --nats-cert"),
            "{options:?}: {said}"
        );
    }
}

#[tokio::test]
async fn a_node_that_asks_for_credentials_lets_in_only_users_whom_its_operator_vouches_for() {
    let (operator, system, account) = (Nkey::new_operator(), Nkey::new_account(), Nkey::new_account());
    let (user, stranger) = (Nkey::new_user(), Nkey::new_user());
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let accounts = [(&system, "SYS", json!({})), (&account, "LOBBY", json!({ "limits": unlimited }))]
        .map(|(key, name, claims)| (key.public_key(), token(&operator, key, name, "account", claims)));
    let vouched =
        token(&operator, &operator, "O", "operator", json!({ "system_account": system.public_key() }));
    let resolved = accounts.iter().map(|(key, token)| format!("{key}: {token}\n")).collect::<String>();
    let file = format!(
        "operator: {vouched}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{resolved}}}\n",
        system.public_key()
    );
    let Some(nodes) = node::start_with(&file) else { return };
    let node = Guarded { nodes, dir: tempfile::tempdir().unwrap() };
    let of_user = json!({ "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1 });
    let good = token(&account, &user, "server", "user", of_user.clone());
    let creds = [
        ("good.creds", &good, &user),
        // A token that the account has signed for another user, and one that another account has signed.
        ("others.creds", &good, &stranger),
        ("foreign.creds", &token(&Nkey::new_account(), &user, "server", "user", of_user), &user),
    ];
    for (name, token, key) in creds {
        write_creds(&node.dir.path().join(name), token, &key.seed().unwrap());
    }
    fs::write(node.dir.path().join("empty.creds"), "nothing\n").unwrap();

    node.lets_in(&["--nats-creds", &node.file("good.creds")]).await;
    for creds in ["others.creds", "foreign.creds"] {
        let said = node.refuses(&["--nats-creds", &node.file(creds)]);
        assert!(
            said.contains("does not let this server in") && said.contains("see --nats-creds"),
            "{creds}: {said}"
        );
    }
    let said = node.refuses(&[]);
    assert!(said.contains("does not let this server in") && said.contains("see --nats-creds"), "{said}");
    for creds in ["empty.creds", "missing.creds"] {
        let said = node.refuses(&["--nats-creds", &node.file(creds)]);
        assert!(said.contains("cannot read the credentials for NATS in") && said.contains(creds), "{said}");
    }
}

/// Returns what one key confirms of another, in the form that NATS reads: a JSON web token that an nkey has signed.
fn token(issuer: &Nkey, subject: &Nkey, name: &str, kind: &str, mut claims: Value) -> String {
    claims["type"] = kind.into();
    claims["version"] = 2.into();
    let claims = json!({
        "jti": name, "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject.public_key(), "name": name,
        "nats": claims,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let said = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(said.as_bytes()).unwrap());
    format!("{said}.{signature}")
}

fn write_creds(file: &PathBuf, token: &str, seed: &str) {
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    fs::write(file, text).unwrap();
}
