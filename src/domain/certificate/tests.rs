use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::*;

const DAY: Duration = Duration::from_hours(24);

/// From 2025-10-09 to 2027-02-21.
const VALID: (i64, i64) = (1_760_000_000, 1_803_200_000);

fn now() -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000)
}

fn params(name: &str, (from, until): (i64, i64)) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["hooks.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = std::time::UNIX_EPOCH.into();
    params.not_before += Duration::from_secs(from.unsigned_abs());
    params.not_after = std::time::UNIX_EPOCH.into();
    params.not_after += Duration::from_secs(until.unsigned_abs());
    params
}

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(name, VALID);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of this CA's and its key, both in PEM.
fn issued(ca: &CertifiedIssuer<'static, KeyPair>, validity: (i64, i64)) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params("Nyala", validity).signed_by(&key, ca).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn refused<T: fmt::Debug>(parsed: Result<T, Invalid>) -> String {
    parsed.unwrap_err().to_string()
}

#[test]
fn a_ca_is_described_by_its_name_its_time_and_its_fingerprint() {
    let ca = ca("Example Root");

    let read = CaCertificate::parse(&ca.pem(), now()).unwrap();

    let about = read.about();
    assert!(about.subject.contains("CN=Example Root"), "{about:?}");
    assert_eq!((about.not_before.seconds(), about.not_after.seconds()), VALID);
    assert_eq!(about.sha256, data_encoding::HEXLOWER.encode(&Sha256::digest(ca.der())));
}

#[test]
fn of_several_certificates_the_time_in_which_all_are_valid_counts() {
    let root = ca("Root");
    let (own, key) = issued(&root, (VALID.0 + 500, VALID.1 - 500));

    let read = ClientCertificate::parse(&format!("{own}{}{key}", root.pem()), now()).unwrap();

    let about = read.about();
    assert_eq!((about.not_before.seconds(), about.not_after.seconds()), (VALID.0 + 500, VALID.1 - 500));
    assert!(about.subject.contains("CN=Nyala"), "{about:?}");
}

#[test]
fn a_ca_text_that_cannot_be_taken_is_refused_and_says_why() {
    let root = ca("Root");
    let (leaf, key) = issued(&root, VALID);
    let many = root.pem().repeat(11);
    let after = now().plus(300 * DAY);
    let table = [
        ("", "holds no certificate"),
        ("abc", "holds no certificate"),
        (&root.pem().replace('\n', "\\n"), "damaged PEM"),
        (&root.pem()[..200], "damaged PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no X.509 certificate"),
        (&format!("{}{key}", root.pem()), "keep the CA's key to yourself"),
        (&leaf, "vouches for no server (CN=Nyala): give that of its CA (CN=Root)"),
        (&many, "holds 11 certificates"),
        (&" ".repeat((32 << 10) + 1), "is 32769 bytes long"),
    ];
    for (text, message) in table {
        let error = refused(CaCertificate::parse(text, now()));
        assert!(error.starts_with("ca_certificate: ") && error.contains(message), "{error}");
        assert!(!error.contains("BEGIN PRIVATE") && !error.contains(key.lines().nth(1).unwrap()), "{error}");
    }
    let error = refused(CaCertificate::parse(&root.pem(), after));
    assert!(error.starts_with("ca_certificate: expired on 2027-02-21"), "{error}");
}

#[test]
fn a_client_text_that_cannot_be_taken_is_refused_and_says_why() {
    let root = ca("Root");
    let ((own, key), (_, other_key)) = (issued(&root, VALID), issued(&root, VALID));
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let unusable = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let table = [
        (own.clone(), "holds no private key"),
        (key.clone(), "holds no certificate"),
        (format!("{own}{key}{key}"), "holds 2 private keys"),
        (format!("{own}{other_key}"), "not to the first certificate"),
        (format!("{}{own}{key}", root.pem()), "not to the first certificate"),
        (format!("{own}{encrypted}"), "needs a password"),
        (format!("{own}{unusable}"), "a key that cannot be used"),
        (format!("{own}{}", &key[..80]), "damaged PEM"),
    ];
    for (text, message) in table {
        let error = refused(ClientCertificate::parse(&text, now()));
        assert!(error.starts_with("client_certificate: ") && error.contains(message), "{error}");
        assert!(!error.contains(key.lines().nth(1).unwrap()), "{error}");
    }
    let error = refused(ClientCertificate::parse(&format!("{own}{key}"), now().plus(300 * DAY)));
    assert!(error.starts_with("client_certificate: expired on 2027-02-21"), "{error}");
}

#[test]
fn a_key_may_stand_before_its_certificate_and_is_never_printed() {
    let (own, key) = issued(&ca("Root"), VALID);

    let read = ClientCertificate::parse(&format!("some words\n{key}more words\n{own}"), now()).unwrap();

    let shown = format!("{read:?} {:?}", TlsIdentity::of(None, Some(read.clone())));
    assert!(shown.contains("CN=Nyala") && !shown.contains("PRIVATE"), "{shown}");
    assert!(!shown.contains(key.lines().nth(1).unwrap()), "{shown}");
}

#[test]
fn identities_are_the_same_for_the_same_certificates_alone() {
    let root = ca("Root");
    let (own, key) = issued(&root, VALID);
    let of_ca = || CaCertificate::parse(&root.pem(), now()).ok();
    let of_client = || ClientCertificate::parse(&format!("{own}{key}"), now()).ok();
    let digest = |ca, client| TlsIdentity::of(ca, client).unwrap().digest();

    let all = [digest(of_ca(), None), digest(None, of_client()), digest(of_ca(), of_client())];

    assert_eq!(digest(of_ca(), of_client()), all[2]);
    assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    assert!(TlsIdentity::of(None, None).is_none());
}

fn about(from: i64, until: i64) -> About {
    let day = |day: i64| Timestamp::from_millis(day * 24 * 3_600_000);
    About { subject: "CN=a".to_owned(), sha256: String::new(), not_before: day(from), not_after: day(until) }
}

#[test]
fn a_certificate_is_warned_of_from_thirty_days_before_its_end() {
    let certificates = HookCertificates { ca: None, client: Some(about(100, 200)) };
    let at = |day: i64| Timestamp::from_millis(day * 24 * 3_600_000);
    let said = |now| certificates.warnings(now, true, false).join("; ");

    assert_eq!(said(at(169)), "");
    assert_eq!(said(at(170)), "client_certificate expires in 30 days, on 1970-07-20: give the hook a new one");
    assert_eq!(said(at(199)), "client_certificate expires in 1 day, on 1970-07-20: give the hook a new one");
    assert!(said(at(200)).contains("expires within a day"), "{}", said(at(200)));
    assert!(said(at(201)).starts_with("client_certificate expired on 1970-07-20: "), "{}", said(at(201)));
    assert!(said(at(99)).contains("not valid before 1970-04-11"), "{}", said(at(99)));
}

#[test]
fn a_certificate_that_makes_no_difference_is_spoken_of() {
    let certificates = HookCertificates { ca: Some(about(0, 90_000)), client: Some(about(0, 80_000)) };
    let said = |https, insecure| certificates.warnings(now(), https, insecure);

    assert_eq!(said(true, false), Vec::<String>::new());
    assert_eq!(said(false, false).len(), 2);
    assert!(said(true, true).len() == 1 && said(true, true)[0].starts_with("ca_certificate has no effect"));
    assert_eq!(certificates.first_end(), Some(about(0, 80_000).not_after));
}
