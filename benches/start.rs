//! How soon a process serves its first page, and what it needs.

use crate::{
    compare::{Contender, median},
    grounds::{Grounds, SMALL},
    table,
};

pub async fn measure(grounds: &Grounds) {
    table::section("a process");
    let page = grounds.answer(SMALL, &[]).await;
    let (mut said, mut first) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        let process = grounds.site.wheelyard(&grounds.database, &[]).await;
        said.push(process.started.as_secs_f64() * 1e3);
        Contender::get(&[&process], SMALL, "", page.expected()).load.once();
        first.push(process.age().as_secs_f64() * 1e3);
    }
    table::note("start until it listens, ms", &format!("{:>8.0}", median(said)));
    table::note(
        "start until its first page of some 200 files is there, ms",
        &format!("{:>8.0}", median(first)),
    );
    for (what, process) in [
        ("the one that was read and written", &grounds.strict),
        ("the one that redirects", &grounds.redirecting),
    ] {
        let (now, most) = process.memory();
        table::note(&format!("memory of {what}, MiB (the most)"), &format!("{now:>8.0} ({most:.0})"));
    }
}
