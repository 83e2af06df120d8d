//! The spread over apps as a picture: on the left what a call costs, on the right what a callee takes in memory.
//!
//! Drawn by `plotters` with its SVG backend alone, as the picture of `evaluate` is.

use std::error::Error;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::points::Growth;

const SIZE_PX: (u32, u32) = (1_000, 340);
const LABEL_PX: i32 = 13;
const COST: RGBColor = RGBColor(0, 90, 160);
const MEMORY: RGBColor = RGBColor(204, 102, 0);
/// The axis of the apps, logarithmic.
const APPS: std::ops::Range<f64> = 0.7..150_000.0;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// An SVG document.
pub fn picture(growth: &Growth) -> Result<String, Box<dyn Error>> {
    let cost: Vec<_> = growth.spread.iter().map(|(traffic, nanos, _)| (f64::from(traffic.apps), *nanos)).collect();
    let memory: Vec<_> = growth.spread.iter().map(|(traffic, _, bytes)| (f64::from(traffic.apps), *bytes)).collect();
    let highest = |points: &[(f64, f64)]| points.iter().map(|(_, y)| *y).fold(10.0, f64::max);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE_PX).into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(SIZE_PX.0 / 2);
        draw(&left, ("ns a call", 0.0..highest(&cost) * 1.2), &cost, COST)?;
        draw(&right, ("bytes a callee", (10.0..highest(&memory) * 3.0).log_scale()), &memory, MEMORY)?;
        root.present()?;
    }
    Ok(svg)
}

/// A line over the apps, with a dot and its figure at each point.
fn draw<Y>(area: &Area<'_>, (name, range): (&str, Y), points: &[(f64, f64)], color: RGBColor) -> Result<(), Box<dyn Error>>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut builder = ChartBuilder::on(area);
    builder.margin(16).set_label_area_size(LabelAreaPosition::Left, 64).set_label_area_size(LabelAreaPosition::Bottom, 44);
    let mut chart = builder.build_cartesian_2d(APPS.log_scale(), range)?;
    let whole = |value: &f64| format!("{value:.0}");
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(WHITE).x_label_formatter(&whole).y_label_formatter(&whole).y_labels(6);
    mesh.x_desc("apps that share the same calls").y_desc(name).draw()?;
    chart.draw_series([PathElement::new(points, color.stroke_width(2))])?;
    chart.draw_series(points.iter().map(|point| Circle::new(*point, 4, color.filled())))?;
    let figure = |point: &(f64, f64)| {
        EmptyElement::at(*point) + Text::new(format!("{:.0}", point.1), (-12, -20), ("sans-serif", LABEL_PX))
    };
    chart.draw_series(points.iter().map(figure))?;
    Ok(())
}
