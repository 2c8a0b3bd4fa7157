//! What plots are drawn on: a white sheet, so that it is read on light and on dark pages alike.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
pub const FAINT: RGBColor = RGBColor(0x65, 0x6d, 0x76);
pub const GRID: RGBColor = RGBColor(0xe4, 0xe7, 0xea);
pub const OURS: RGBColor = RGBColor(0x09, 0x69, 0xda);
pub const PEERS: RGBColor = RGBColor(0xaf, 0xb8, 0xc1);

pub const WIDTH: i32 = 860;
pub const MARGIN: i32 = 16;
/// Points of letters.
pub const SMALL: i32 = 12;
pub const NORMAL: i32 = 13;
pub const TITLE: i32 = 17;

/// Where a text's place is: to its left, in its middle, or to its right.
pub use HPos::{Center, Left, Right};

pub type Drawn = Result<(), String>;

pub struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

/// The SVG of what `paint` paints on a sheet of the given height.
pub fn svg(height: i32, paint: impl FnOnce(&Canvas<'_>) -> Drawn) -> Result<String, String> {
    let mut text = String::new();
    {
        let size = (WIDTH as u32, height as u32);
        let canvas = Canvas(SVGBackend::with_string(&mut text, size).into_drawing_area());
        canvas.0.fill(&WHITE).map_err(told)?;
        paint(&canvas)?;
        canvas.0.present().map_err(told)?;
    }
    Ok(text)
}

impl Canvas<'_> {
    pub fn text(&self, text: &str, at: (i32, i32), side: HPos, size: i32, ink: RGBColor) -> Drawn {
        let style = ("system-ui, sans-serif", size).into_font().color(&ink);
        let style = style.pos(Pos::new(side, VPos::Center));
        self.0
            .draw(&Text::new(text.to_owned(), at, style))
            .map_err(told)
    }

    pub fn line(&self, points: Vec<(i32, i32)>, ink: RGBColor, width: u32) -> Drawn {
        let style = ink.stroke_width(width);
        self.0.draw(&PathElement::new(points, style)).map_err(told)
    }

    pub fn bar(&self, from: (i32, i32), to: (i32, i32), ink: RGBColor) -> Drawn {
        let bar = Rectangle::new([from, to], ink.filled());
        self.0.draw(&bar).map_err(told)
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
