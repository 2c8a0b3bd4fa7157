//! `outlive completions` and `outlive man`: what packagers install beside the program.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::{Outcome, Verdict};
use crate::output::Output;

pub(crate) fn completions(shell: Shell, output: &mut Output) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "outlive", &mut text);
    output.bytes(&text)?;
    Ok(Verdict::Fine)
}

/// The page of the command, with its subcommands after it.
pub(crate) fn man(output: &mut Output) -> Outcome {
    let mut command = Arguments::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for part in command
        .get_subcommands()
        .filter(|part| part.get_name() != "help")
    {
        let part = clap_mangen::Man::new(part.clone());
        let mut text = Vec::new();
        text.extend_from_slice(b".SH SUBCOMMAND\n");
        part.render_synopsis_section(&mut text)?;
        part.render_description_section(&mut text)?;
        part.render_options_section(&mut text)?;
        page.extend(text);
    }
    output.bytes(&page)?;
    Ok(Verdict::Fine)
}
