use proptest::prelude::*;

use super::*;

fn config(shares: i64, threshold: i64) -> SealConfig {
    SealConfig::shamir(shares, threshold, String::new()).unwrap()
}

fn copies(shares: &[Share], at: &[usize]) -> Vec<Share> {
    at.iter().map(|at| Share::from_slice(shares[*at].expose())).collect()
}

/// Multiplication in the field of AES, by hand: x⁸ + x⁴ + x³ + x + 1.
fn times(a: u8, b: u8) -> u8 {
    let mut product = 0_u16;
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= u16::from(a) << bit;
        }
    }
    for bit in (8..16).rev() {
        if product >> bit & 1 == 1 {
            product ^= 0x11b << (bit - 8);
        }
    }
    u8::try_from(product).unwrap()
}

#[test]
fn a_share_is_the_value_of_a_line_and_then_where() {
    let key = UnsealKey::random();
    let shares = split(&key, &config(3, 2));
    for (at, share) in shares.iter().enumerate() {
        assert_eq!(share.expose().len(), 33);
        assert_eq!(usize::from(share.expose()[32]), at + 1);
    }
    for byte in 0..32 {
        // At 1 the line has the value key + slope, which gives the slope away.
        let slope = shares[0].expose()[byte] ^ key.expose()[byte];
        for share in &shares {
            let x = share.expose()[32];
            assert_eq!(share.expose()[byte], key.expose()[byte] ^ times(slope, x));
        }
    }
}

/// Coefficients that leave out values tell of the key to those with too few shares: zero and both parities must occur.
#[test]
fn slopes_are_drawn_from_the_whole_field() {
    let mut seen = [0_u32; 256];
    for _ in 0..256 {
        let key = UnsealKey::random();
        let at_one = split(&key, &config(2, 2)).remove(0);
        for (value, byte) in at_one.expose().iter().zip(key.expose()) {
            seen[usize::from(value ^ byte)] += 1;
        }
    }
    // 8192 draws: 32 of each value are expected, none of one has a chance of e⁻³².
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
}

#[test]
fn shares_made_elsewhere_combine() {
    // Two points on the line key + slope·x, at coordinates as Vault draws them: anywhere from 1 to 255.
    let share = |x: u8| {
        let mut share: Vec<u8> = (0..32).map(|i| (i * 7) ^ times(0x53 ^ i, x)).collect();
        share.push(x);
        Share::from_slice(&share)
    };
    let key = combine(&[share(0xfe), share(0x11)], &config(5, 2)).unwrap();
    assert_eq!(key.expose().to_vec(), (0..32).map(|i| i * 7).collect::<Vec<u8>>());
}

#[test]
fn one_share_of_one_is_the_key() {
    let key = UnsealKey::random();
    let shares = split(&key, &config(1, 1));
    assert_eq!(shares.len(), 1);
    assert_eq!(shares[0].expose(), key.expose());
    assert_eq!(combine(&shares, &config(1, 1)).unwrap().expose(), key.expose());
}

#[test]
fn misfits_are_told_apart() {
    let shares = split(&UnsealKey::random(), &config(5, 3));
    let err = |shares: &[Share]| combine(shares, &config(5, 3)).err();
    assert_eq!(err(&[]), Some(CombineError::TooFew { have: 0, needed: 3 }));
    assert_eq!(err(&shares[..2]), Some(CombineError::TooFew { have: 2, needed: 3 }));
    assert_eq!(err(&copies(&shares, &[0, 1, 0])), Some(CombineError::Duplicate));

    let mut bad = copies(&shares, &[0, 1]);
    bad.push(Share::from_slice(&[1; 32]));
    assert_eq!(err(&bad), Some(CombineError::WrongLength { len: 32, needed: 33 }));
    bad[2] = Share::from_slice(&[]);
    assert_eq!(err(&bad), Some(CombineError::WrongLength { len: 0, needed: 33 }));
    bad[2] = Share::from_slice(&[0; 33]);
    assert_eq!(err(&bad), Some(CombineError::NoCoordinate));

    let single = |shares: &[Share]| combine(shares, &config(1, 1)).err();
    assert_eq!(single(&shares[..1]), Some(CombineError::WrongLength { len: 33, needed: 32 }));
    let two = [Share::from_slice(&[1; 32]), Share::from_slice(&[1; 32])];
    assert_eq!(single(&two), Some(CombineError::Duplicate));
}

#[test]
fn a_wrong_share_makes_a_wrong_key() {
    let key = UnsealKey::random();
    let shares = split(&key, &config(3, 2));
    let mut bytes = shares[1].expose().to_vec();
    bytes[5] ^= 1;
    let wrong = combine(&[copies(&shares, &[0]).remove(0), Share::from_slice(&bytes)], &config(3, 2)).unwrap();
    assert_ne!(wrong.expose(), key.expose());
}

#[test]
fn all_255_shares_serve() {
    let key = UnsealKey::random();
    let shares = split(&key, &config(255, 255));
    assert_eq!(combine(&shares, &config(255, 255)).unwrap().expose(), key.expose());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_threshold_of_them_and_more_make_the_key(
        (shares, threshold, order) in (2..12_i64).prop_flat_map(|n| {
            let order = Just((0..usize::try_from(n).unwrap()).collect::<Vec<_>>()).prop_shuffle();
            (Just(n), 2..=n, order)
        }),
        more in any::<bool>(),
    ) {
        let (key, config) = (UnsealKey::random(), config(shares, threshold));
        let made = split(&key, &config);
        let take = usize::try_from(if more { shares } else { threshold }).unwrap();
        let some = copies(&made, &order[..take]);
        let whole = combine(&some, &config).unwrap();
        prop_assert_eq!(whole.expose(), key.expose());
        // One fewer, combined as if that were enough, gives something else.
        if threshold > 2 {
            let fewer = SealConfig::shamir(shares, threshold - 1, String::new()).unwrap();
            let some = copies(&made, &order[..usize::try_from(threshold - 1).unwrap()]);
            let wrong = combine(&some, &fewer).unwrap();
            prop_assert_ne!(wrong.expose(), key.expose());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(given in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let shares: Vec<_> = given.iter().map(|b| Share::from_slice(b)).collect();
        for config in [config(1, 1), config(5, 3)] {
            let _ = combine(&shares, &config);
        }
    }
}
