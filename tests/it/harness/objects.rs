//! What a server left in the object store.

use super::{Server, world::BUCKET};
use aws_sdk_s3::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
};

impl Server {
    /// The names of all objects of this server without its prefix, sorted.
    pub async fn objects(&self) -> Vec<String> {
        let prefix = &self.config.s3.s3_prefix;
        let listed = self.bucket().list_objects_v2().bucket(BUCKET).prefix(prefix).send().await;
        let listed = listed.unwrap();
        assert_ne!(listed.is_truncated, Some(true));
        let names = listed.contents().iter().map(|object| object.key().unwrap());
        let mut names: Vec<_> = names.map(|name| name[prefix.len()..].to_owned()).collect();
        names.sort();
        names
    }

    /// The bytes of an object of this name.
    pub async fn object(&self, name: &str) -> Vec<u8> {
        let key = format!("{}{name}", self.config.s3.s3_prefix);
        let object = self.bucket().get_object().bucket(BUCKET).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().to_vec()
    }

    /// Writes other bytes under the name of an object.
    pub async fn put_object(&self, name: &str, bytes: Vec<u8>) {
        let key = format!("{}{name}", self.config.s3.s3_prefix);
        self.bucket().put_object().bucket(BUCKET).key(key).body(bytes.into()).send().await.unwrap();
    }

    fn bucket(&self) -> Client {
        let s3 = &self.config.s3;
        let (key, secret) = s3.s3_credentials.clone().unwrap();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(s3.s3_endpoint.clone().unwrap())
            .force_path_style(true)
            .credentials_provider(Credentials::new(key, secret, None, None, "test"))
            .build();
        Client::from_conf(config)
    }
}
