//! The report as a picture: a line for each rule and intensity, on the left its precision and recall with their intervals, on
//! the right how long each incident that was hit had gone on.
//!
//! Drawn by `plotters` with its SVG backend alone: no font, no pixel and no C library; texts are laid out by whoever shows
//! the picture. The same report gives the same bytes.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Found, Report, RuleReport, Share};

const WIDTH: u32 = 1_180;
const ROW_PX: u32 = 22;
const HEAD_PX: u32 = 34;
const FOOT_PX: u32 = 44;
const NAMES_PX: u32 = 190;
const MIDDLE_PX: u32 = 700;
const LABEL_PX: i32 = 13;
/// Half of the distance between the two shares of a line, in lines.
const APART: f64 = 0.17;
/// Where delays that are shorter are drawn, in minutes: the axis is logarithmic.
const SHORTEST_MINUTES: f64 = 0.1;
const PRECISION: RGBColor = RGBColor(204, 102, 0);
const RECALL: RGBColor = RGBColor(0, 90, 160);
const DELAY: RGBColor = RGBColor(70, 70, 70);

/// The picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PictureError(String);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A line of the picture.
struct Row<'a> {
    name: String,
    precision: Option<&'a Share>,
    found: &'a Found,
}

/// The report as an SVG document.
///
/// # Errors
/// If the drawing library refuses, which text has not made it do yet.
pub fn picture(report: &Report) -> Result<String, PictureError> {
    let rows = rows(report);
    let height = HEAD_PX + FOOT_PX + ROW_PX * rows.len().max(1) as u32;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        draw(&root, &rows).map_err(|error| PictureError(error.to_string()))?;
    }
    Ok(svg)
}

fn rows(report: &Report) -> Vec<Row<'_>> {
    report.rules.iter().flat_map(rows_of).collect()
}

fn rows_of(rule: &RuleReport) -> impl Iterator<Item = Row<'_>> {
    let of = |name, precision, found| Row { name, precision, found };
    let by_intensity = rule.by_intensity.iter().map(move |(intensity, found)| of(intensity.as_str().to_owned(), None, found));
    std::iter::once(of(rule.rule.clone(), Some(&rule.precision), &rule.all)).chain(by_intensity)
}

fn draw(root: &Area<'_>, rows: &[Row<'_>]) -> Result<(), Box<dyn std::error::Error>> {
    root.fill(&WHITE)?;
    let (shares, delays) = root.split_horizontally(MIDDLE_PX);
    draw_shares(root, &shares, rows)?;
    draw_delays(&delays, rows)?;
    root.present()?;
    Ok(())
}

fn draw_shares(root: &Area<'_>, area: &Area<'_>, rows: &[Row<'_>]) -> Result<(), Box<dyn std::error::Error>> {
    let mut chart =
        builder(area).set_label_area_size(LabelAreaPosition::Left, NAMES_PX).build_cartesian_2d(-0.01..1.01, span(rows))?;
    chart.configure_mesh().disable_y_mesh().disable_y_axis().x_labels(6).x_desc("share, with its interval of 95 %").draw()?;
    for (at, row) in rows.iter().enumerate() {
        let middle = center(rows, at);
        let (_, y) = chart.backend_coord(&(0.0, middle));
        let x = if row.precision.is_some() { 12 } else { 30 };
        root.draw(&Text::new(row.name.clone(), (x, y - LABEL_PX / 2), ("sans-serif", LABEL_PX)))?;
        let shares = [
            (row.precision, PRECISION, APART),
            (Some(&row.found.recall), RECALL, if row.precision.is_some() { -APART } else { 0.0 }),
        ];
        for (share, color, shift) in shares {
            let Some((share, value)) = share.and_then(|share| Some((share, share.value?))) else { continue };
            let y = middle + shift;
            chart.draw_series([PathElement::new([(share.lower, y), (share.upper, y)], color.stroke_width(2))])?;
            chart.draw_series([Circle::new((value, y), 4, color.filled())])?;
        }
    }
    for (text, x, color) in [("precision", NAMES_PX as i32, PRECISION), ("recall", NAMES_PX as i32 + 90, RECALL)] {
        root.draw(&Text::new(text, (x, 10), ("sans-serif", LABEL_PX).into_font().color(&color)))?;
    }
    Ok(())
}

fn draw_delays(area: &Area<'_>, rows: &[Row<'_>]) -> Result<(), Box<dyn std::error::Error>> {
    let longest = rows.iter().flat_map(|row| &row.found.delay_minutes.values).copied().fold(10.0, f64::max);
    let minutes = (SHORTEST_MINUTES..longest * 1.5).log_scale();
    let mut chart = builder(area).set_label_area_size(LabelAreaPosition::Left, 10).build_cartesian_2d(minutes, span(rows))?;
    let label = |minutes: &f64| minutes.to_string();
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh()
        .disable_y_axis()
        .x_labels(6)
        .x_label_formatter(&label)
        .x_desc("minutes from the first call to the alert");
    mesh.draw()?;
    for (at, row) in rows.iter().enumerate() {
        let middle = center(rows, at);
        let dots = row
            .found
            .delay_minutes
            .values
            .iter()
            .map(|delay| Circle::new((delay.max(SHORTEST_MINUTES), middle), 3, DELAY.mix(0.35).filled()));
        chart.draw_series(dots)?;
        let marks = [(row.found.delay_minutes.median, 0.4), (row.found.delay_minutes.p90, 0.25)];
        let marks = marks.into_iter().filter_map(|(minutes, half)| Some((minutes?.max(SHORTEST_MINUTES), half)));
        chart.draw_series(
            marks.map(|(x, half)| PathElement::new([(x, middle - half), (x, middle + half)], BLACK.stroke_width(2))),
        )?;
    }
    let (x, _) = area.get_base_pixel();
    let note = "each incident that was hit; long mark: median, short mark: nine of ten";
    area.draw(&Text::new(note, (area.get_pixel_range().0.start - x + 10, 10), ("sans-serif", LABEL_PX)))?;
    Ok(())
}

fn builder<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin_top(HEAD_PX).margin_right(16).set_label_area_size(LabelAreaPosition::Bottom, FOOT_PX);
    builder
}

/// The vertical axis: a unit for each row, upwards.
fn span(rows: &[Row<'_>]) -> std::ops::Range<f64> {
    0.0..rows.len().max(1) as f64
}

/// The middle of the row at this place from the top.
fn center(rows: &[Row<'_>], at: usize) -> f64 {
    (rows.len() - at) as f64 - 0.5
}
