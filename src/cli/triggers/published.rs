//! What the events of a trigger are.

use serde_json::{Map, Value, json};

use crate::domain::application::Application;
use crate::domain::event::EventType;

/// What a trigger publishes.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Published {
    /// The type of its events [default: `TriggerFired`]
    #[arg(long, value_name = "TYPE", value_parser = EventType::parse)]
    event: Option<EventType>,
    /// An application that its events concern (repeatable); without one only hooks of any application
    /// are told
    #[arg(long = "application", value_name = "NAME", value_parser = Application::parse)]
    applications: Vec<Application>,
    /// What each of its events tells besides, as `name=text` (repeatable)
    #[arg(long = "value", value_name = "NAME=TEXT", value_parser = pair)]
    values: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, text) = text.split_once('=').ok_or("give a name, = and a text, such as environment=staging")?;
    if name.is_empty() { Err("give a name before the =") } else { Ok((name.to_owned(), text.to_owned())) }
}

impl Published {
    /// Puts what was named among the fields of a trigger.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) {
        if let Some(event) = &self.event {
            fields.insert("event".to_owned(), json!(event.as_str()));
        }
        if !self.applications.is_empty() {
            let names: Vec<_> = self.applications.iter().map(Application::as_str).collect();
            fields.insert("applications".to_owned(), json!(names));
        }
        if !self.values.is_empty() {
            let values: Map<_, _> = self.values.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
            fields.insert("values".to_owned(), Value::Object(values));
        }
    }
}
