//! A QR code as a PNG.

use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};
use sdk::{Failure, Result};

/// The longest side, in pixels: half a megabyte of them.
const SIDE_MAX: u32 = 2048;

/// How long the side is to be; `None` asks for no QR code.
pub fn size(asked: i64) -> Result<Option<u32>> {
    match u32::try_from(asked) {
        Err(_) if asked < 0 => Err(Failure::invalid("the qr_size value must be greater than or equal to zero")),
        Ok(0) => Ok(None),
        Ok(size) if size <= SIDE_MAX => Ok(Some(size)),
        _ => Err(Failure::invalid(format!("the qr_size value must be at most {SIDE_MAX}"))),
    }
}

/// Black modules of whole pixels in the middle of a white square.
pub fn png(text: &str, side: u32) -> Result<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| {
        Failure::invalid("the key's URL is too long for a QR code: set qr_size to 0, or use shorter names")
    })?;
    let (modules, colors) = (code.width(), code.to_colors());
    let pixels = side as usize;
    let scale = pixels / modules;
    if scale == 0 {
        return Err(Failure::invalid(format!(
            "the qr_size value must be 0 or at least {modules} for a URL of this length"
        )));
    }
    let margin = (pixels - scale * modules) / 2;
    let module = |pixel: usize| pixel.checked_sub(margin).map(|p| p / scale).filter(|m| *m < modules);
    let is_dark = |x: usize, y: usize| match (module(x), module(y)) {
        (Some(column), Some(row)) => colors[row * modules + column] == Color::Dark,
        _ => false,
    };
    // One bit a pixel, the first one highest; 1 is white.
    let mut rows = vec![0xff_u8; pixels.div_ceil(8) * pixels];
    for y in 0..pixels {
        for x in (0..pixels).filter(|x| is_dark(*x, y)) {
            rows[y * pixels.div_ceil(8) + x / 8] &= !(0x80 >> (x % 8));
        }
    }
    encode(side, &rows).map_err(Failure::internal)
}

fn encode(side: u32, rows: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rows)?;
    writer.finish()?;
    Ok(file)
}
