//! What is counted, as Prometheus would read it.

use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Keeps the count of what this test's thread does.
pub(crate) struct Counts {
    pub(crate) page: PrometheusHandle,
    _guard: LocalRecorderGuard<'static>,
}

impl Counts {
    pub(crate) fn start() -> Self {
        // Whatever counts has to be able to do so as long as the thread lives.
        let recorder: &'static PrometheusRecorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        Self {
            page: recorder.handle(),
            _guard: metrics::set_default_local_recorder(recorder),
        }
    }

    /// A number on the page: `name` with labels, if it has any.
    pub(crate) fn of(&self, name: &str) -> Option<f64> {
        let page = self.page.render();
        let number = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        number.map(|number| number.parse().expect("a number"))
    }

    pub(crate) fn assert(&self, expected: &[(&str, f64)]) {
        for (name, number) in expected {
            assert_eq!(self.of(name), Some(*number), "{name} in {}", self.page.render());
        }
    }
}
