//! Metrics, as Prometheus would read them.

use metrics::LocalRecorderGuard;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Records the metrics of this test's thread.
pub(crate) struct Counts {
    pub(crate) page: PrometheusHandle,
    _guard: LocalRecorderGuard<'static>,
}

impl Counts {
    pub(crate) fn start() -> Self {
        // The recorder must live as long as the thread, since metrics may be recorded until then.
        let recorder: &'static PrometheusRecorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        Self {
            page: recorder.handle(),
            _guard: metrics::set_default_local_recorder(recorder),
        }
    }

    /// Returns a number on the page: `name` with labels, if it has any.
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
