//! The page on a terminal of its own, until `q`.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, enable_raw_mode};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Paragraph;
use ratatui::{DefaultTerminal, Frame};

use super::hangup;
use super::page::Page;
use super::signals::Signals;
use crate::failure::{Failure, Outcome};
use crate::output::Tone;
use crate::table::{Cell, Table};

/// What the user has moved.
#[derive(Debug, Default)]
struct Window {
    /// The first line that is shown.
    first: u16,
    /// The first column that is shown.
    left: u16,
    /// The looking is halted.
    is_paused: bool,
    is_coloured: bool,
}

/// How soon a signal is heeded.
const SLICE: Duration = Duration::from_millis(100);

pub(super) fn run(
    interval: Duration,
    is_coloured: bool,
    look: impl FnMut() -> Outcome<Page>,
) -> Outcome<()> {
    let signals = Signals::caught()?;
    let window = Window {
        is_coloured,
        ..Window::default()
    };
    let mut terminal = ratatui::try_init().map_err(|e| {
        Failure::Said(format!(
            "use this terminal: {e}; `outlive top --plain` needs none"
        ))
    })?;
    hangup::watch();
    let end = refresh(&mut terminal, window, &signals, interval, look);
    give_back(&mut terminal);
    signals.obey();
    end
}

fn refresh(
    terminal: &mut DefaultTerminal,
    mut window: Window,
    signals: &Signals,
    interval: Duration,
    mut look: impl FnMut() -> Outcome<Page>,
) -> Outcome<()> {
    let mut page = look()?;
    let mut due = Instant::now() + interval;
    while !signals.is_end() {
        if signals.is_to_stop() {
            give_back(terminal);
            signals.stop();
        }
        if signals.has_resumed() {
            resume(terminal)?;
        }
        terminal.draw(|frame| draw(frame, &page, &mut window))?;
        let mut left = due.saturating_duration_since(Instant::now());
        while !event::poll(left.min(SLICE))? && !left.is_zero() && !signals.have_come() {
            left = due.saturating_duration_since(Instant::now());
        }
        if event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
            {
                let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Char('c') if is_control => return Ok(()),
                    KeyCode::Char('z') if is_control => signals.stop_all(),
                    code if !window.press(code) => return Ok(()),
                    _ => {}
                }
            }
            // Anything else was a change of size, which the next drawing follows.
            continue;
        }
        if Instant::now() < due {
            continue;
        }
        if !window.is_paused {
            page = look()?;
        }
        due = Instant::now() + interval;
    }
    Ok(())
}

/// Leaves the terminal as it was.
fn give_back(terminal: &mut DefaultTerminal) {
    // Where it does not listen any more, nothing is to be given back.
    let _ = terminal.show_cursor();
    ratatui::restore();
}

/// Takes the terminal again, which a shell has had while this process was stopped.
fn resume(terminal: &mut DefaultTerminal) -> Outcome<()> {
    give_back(terminal);
    enable_raw_mode()?;
    execute!(std::io::stdout(), EnterAlternateScreen)?;
    // Draws all of it anew. `clear` would ask the terminal where its cursor is, and not all answer.
    let size = terminal.size()?;
    Ok(terminal.resize(size.into())?)
}

impl Window {
    /// Follows a key; `false` for the one that ends it.
    fn press(&mut self, key: KeyCode) -> bool {
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('p' | ' ') => self.is_paused = !self.is_paused,
            KeyCode::Down | KeyCode::Char('j') => self.first = self.first.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.first = self.first.saturating_sub(1),
            KeyCode::PageDown => self.first = self.first.saturating_add(20),
            KeyCode::PageUp => self.first = self.first.saturating_sub(20),
            KeyCode::Right | KeyCode::Char('l') => self.left = self.left.saturating_add(10),
            KeyCode::Left | KeyCode::Char('h') => self.left = self.left.saturating_sub(10),
            KeyCode::Home => self.first = 0,
            _ => {}
        }
        true
    }
}

fn draw(frame: &mut Frame<'_>, page: &Page, window: &mut Window) {
    let [body, foot] =
        Layout::vertical([Constraint::Min(1), Constraint::Length(1)]).areas(frame.area());
    let text = Text::from(lines(page));
    let height = u16::try_from(text.height()).unwrap_or(u16::MAX);
    window.first = window.first.min(height.saturating_sub(body.height));
    let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
    window.left = window.left.min(width.saturating_sub(body.width));
    frame.render_widget(
        Paragraph::new(text).scroll((window.first, window.left)),
        body,
    );
    let keys = match window.is_paused {
        true => " PAUSED   q quit   p go on   arrows scroll",
        false => " q quit   p pause   arrows scroll",
    };
    let keys = Paragraph::new(keys).style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_widget(keys, foot);
    if !window.is_coloured {
        let all = frame.area();
        frame
            .buffer_mut()
            .set_style(all, Style::new().fg(Color::Reset));
    }
}

fn lines(page: &Page) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if page.parts.is_empty() {
        lines.push(Line::from(
            "no segments yet: start a program that uses outlive",
        ));
    }
    for part in &page.parts {
        lines.push(Line::styled(part.title(), style(Tone::Head)));
        lines.extend(table(&part.participants()));
        if !part.objects.is_empty() {
            lines.extend(table(&part.object_table()));
        }
        let below = part.waits().into_iter().chain(part.deaths());
        lines.extend(below.map(|cell| Line::styled(format!("  {}", cell.text), style(cell.tone))));
        lines.push(Line::from(""));
    }
    lines
}

fn table(table: &Table) -> Vec<Line<'static>> {
    let widths = table.widths();
    let head = table.heads().map(|(text, _)| Cell::new(Tone::Faint, text));
    let head: Vec<_> = head.collect();
    let line = |row: &Vec<Cell>| {
        let mut spans = vec![Span::raw("  ")];
        for ((cell, width), (_, is_right)) in row.iter().zip(&widths).zip(table.heads()) {
            let text = match is_right {
                true => format!("{:>width$}  ", cell.text),
                false => format!("{:width$}  ", cell.text),
            };
            spans.push(Span::styled(text, style(cell.tone)));
        }
        Line::from(spans)
    };
    std::iter::once(&head)
        .chain(&table.rows)
        .map(line)
        .collect()
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Head => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Warn => Style::new().fg(Color::Yellow),
        Tone::Bad => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Faint => Style::new().add_modifier(Modifier::DIM),
    }
}
