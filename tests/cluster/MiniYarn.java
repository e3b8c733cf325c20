import java.io.BufferedReader;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.yarn.api.records.ContainerId;
import org.apache.hadoop.yarn.api.records.SignalContainerCommand;
import org.apache.hadoop.yarn.client.api.YarnClient;
import org.apache.hadoop.yarn.conf.YarnConfiguration;
import org.apache.hadoop.yarn.server.MiniYARNCluster;
import org.apache.log4j.ConsoleAppender;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.apache.log4j.PatternLayout;

/**
 * A YARN of one resource manager and two node managers in one JVM; its containers are processes of
 * their own, started and killed as on any cluster.
 *
 * <p>Run as {@code java -cp 'jars/*' MiniYarn.java FOLDER MEGABYTES} in a folder that it may fill;
 * each node has so much memory. Writes what HADOOP_CONF_DIR needs into FOLDER, says "ready", and
 * obeys the lines that it reads, each answered by one: {@code kill CONTAINER_ID} and {@code stop}.
 * Ends when nobody can write to it any more, too. Logs to stderr.
 */
public final class MiniYarn {
  private static final int NODES = 2;

  public static void main(String[] arguments) throws Exception {
    logWarnings();
    Configuration settings = describeCluster(Integer.parseInt(arguments[1]));
    try (MiniYARNCluster cluster = new MiniYARNCluster("yarn", NODES, 1, 1)) {
      cluster.init(settings);
      cluster.start();
      if (!cluster.waitForNodeManagersToConnect(60_000)) {
        throw new IllegalStateException("not all node managers came up within 60 s");
      }
      writeConfiguration(cluster.getConfig(), new File(arguments[0]));
      try (YarnClient client = YarnClient.createYarnClient()) {
        client.init(cluster.getConfig());
        client.start();
        System.out.println("ready");
        obey(client);
      }
    }
    // Some of Hadoop's threads would keep this JVM alive.
    System.exit(0);
  }

  private static void logWarnings() {
    PatternLayout layout = new PatternLayout("%d{ISO8601} %p %c{1}: %m%n");
    // Not stdout, where the answers go.
    Logger.getRootLogger().addAppender(new ConsoleAppender(layout, "System.err"));
    Logger.getRootLogger().setLevel(Level.WARN);
  }

  private static Configuration describeCluster(int megabytes) {
    Configuration settings = new YarnConfiguration();
    settings.set("yarn.scheduler.capacity.root.queues", "default");
    settings.set("yarn.scheduler.capacity.root.default.capacity", "100");
    settings.set("yarn.scheduler.capacity.maximum-am-resource-percent", "0.9");
    settings.setInt(YarnConfiguration.YARN_MINICLUSTER_NM_PMEM_MB, megabytes);
    settings.setInt(YarnConfiguration.RM_SCHEDULER_MINIMUM_ALLOCATION_MB, 512);
    settings.setLong(YarnConfiguration.RM_NM_HEARTBEAT_INTERVAL_MS, 200);
    // How much memory and disk the machine of the tests has left is not what they test.
    settings.setBoolean(YarnConfiguration.NM_PMEM_CHECK_ENABLED, false);
    settings.setBoolean(YarnConfiguration.NM_VMEM_CHECK_ENABLED, false);
    settings.setBoolean(YarnConfiguration.NM_DISK_HEALTH_CHECK_ENABLE, false);
    // Node managers do not stop while logs of containers wait for their deletion, 3 hours else.
    settings.setLong(YarnConfiguration.NM_LOG_RETAIN_SECONDS, 0);
    // GPUs are a number that nodes count, as on a YARN without isolation: the nodes have two each.
    settings.set("yarn.resource-types", "yarn.io/gpu");
    settings.set("yarn.nodemanager.resource-type.yarn.io/gpu", "2");
    settings.set(
        "yarn.scheduler.capacity.resource-calculator",
        "org.apache.hadoop.yarn.util.resource.DominantResourceCalculator");
    // Containers start java as $JAVA_HOME/bin/java, and not every machine sets it.
    settings.set(
        YarnConfiguration.NM_ADMIN_USER_ENV, "JAVA_HOME=" + System.getProperty("java.home"));
    return settings;
  }

  private static void writeConfiguration(Configuration settings, File folder) throws IOException {
    Configuration files = new Configuration(false);
    files.set("fs.defaultFS", "file:///");
    write(files, new File(folder, "core-site.xml"));
    write(settings, new File(folder, "yarn-site.xml"));
  }

  private static void write(Configuration settings, File file) throws IOException {
    try (OutputStream out = new FileOutputStream(file)) {
      settings.writeXml(out);
    }
  }

  private static void obey(YarnClient client) throws Exception {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.strip().split(" ");
      if (words[0].equals("stop")) {
        return;
      }
      if (!words[0].equals("kill")) {
        throw new IllegalArgumentException("expected kill CONTAINER_ID or stop, got: " + line);
      }
      // SIGKILL, sent by the node manager that runs the container.
      client.signalToContainer(
          ContainerId.fromString(words[1]), SignalContainerCommand.FORCEFUL_SHUTDOWN);
      System.out.println("asked");
    }
  }
}
