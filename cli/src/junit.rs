//! Reports for CI in the form of JUnit, which most systems read.

use std::{fs, path::Path, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::failure::{Failure, Status, file_reason};

/// A test suite that is being run.
pub(crate) struct Suite(TestSuite);

impl Suite {
    pub(crate) fn new(name: &str) -> Self {
        Self(TestSuite::new(name))
    }

    /// Adds a test that passed, or failed with this message.
    pub(crate) fn add(&mut self, name: &str, took: Duration, failed: Option<&str>) {
        let status = match failed {
            None => TestCaseStatus::success(),
            Some(message) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(message);
                status
            }
        };
        let mut case = TestCase::new(name, status);
        case.set_time(took).set_classname(self.0.name.to_string());
        self.0.add_test_case(case);
    }

    /// Writes the report.
    pub(crate) fn write(self, path: &Path) -> Result<(), Failure> {
        let mut report = Report::new("nest-wire");
        report.add_test_suite(self.0);
        let text = report
            .to_string()
            .map_err(|error| unwritable(path, &error.to_string()))?;
        fs::write(path, text).map_err(|error| unwritable(path, &file_reason(&error)))
    }
}

fn unwritable(path: &Path, reason: &str) -> Failure {
    Failure::new(Status::Unwritable, format_args!("{}: {reason}", path.display()))
}
