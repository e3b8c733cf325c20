import java.io.File;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.log4j.ConsoleAppender;
import org.apache.log4j.Level;
import org.apache.log4j.Logger;
import org.apache.log4j.PatternLayout;

/**
 * An HDFS of one name node and one data node in one JVM.
 *
 * <p>Run as {@code java -cp 'jars/*' MiniHdfs.java FOLDER} in a folder that it may fill. Says the
 * port of its WebHDFS and that of its name node, and ends when nobody can write to it any more. Logs to stderr.
 */
public final class MiniHdfs {
  public static void main(String[] arguments) throws Exception {
    PatternLayout layout = new PatternLayout("%d{ISO8601} %p %c{1}: %m%n");
    // Not stdout, where the answer goes.
    Logger.getRootLogger().addAppender(new ConsoleAppender(layout, "System.err"));
    Logger.getRootLogger().setLevel(Level.WARN);
    Configuration settings = new HdfsConfiguration();
    // Whoever runs the tests may write; who that is on a real cluster is not what they test.
    settings.setBoolean("dfs.permissions.enabled", false);
    try (MiniDFSCluster cluster =
        new MiniDFSCluster.Builder(settings, new File(arguments[0])).numDataNodes(1).build()) {
      cluster.waitActive();
      System.out.println(
          cluster.getNameNode().getHttpAddress().getPort() + " " + cluster.getNameNodePort());
      while (System.in.read() >= 0) {}
    }
    // Some of Hadoop's threads would keep this JVM alive.
    System.exit(0);
  }
}
